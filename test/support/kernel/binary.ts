import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withTemporaryFolder } from '../policy/checkpolicy.ts';

/** The policy as the kernel loads it. `unknown` is what it shall do about classes that the policy lacks. */
export function binaryPolicy(text: string, mls: boolean, unknown: 'allow' | 'deny' = 'deny'): Uint8Array {
  return withTemporaryFolder((folder) => {
    const [source, target] = [join(folder, 'policy.conf'), join(folder, 'policy.bin')];
    writeFileSync(source, text);
    const flags = [...(mls ? ['-M'] : []), '-c', '33', '-U', unknown];
    const run = spawnSync('checkpolicy', [...flags, '-o', target, source], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`checkpolicy: ${run.stdout}${run.stderr}`);
    return readFileSync(target);
  });
}
