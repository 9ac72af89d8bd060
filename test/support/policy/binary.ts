import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withTemporaryFolder } from './checkpolicy.ts';

export const binaryVersions = [30, 31, 32, 33] as const;

/** The binary policies checkpolicy makes of a source, one for each version; undefined where it takes it not. */
export function compileVersions(
  text: string,
  mls: boolean,
  versions: readonly number[] = binaryVersions,
  target: 'selinux' | 'xen' = 'selinux',
): Map<number, Uint8Array> | undefined {
  return withTemporaryFolder((folder) => {
    const [source, output] = [join(folder, 'policy.conf'), join(folder, 'policy.bin')];
    writeFileSync(source, text);
    const made = new Map<number, Uint8Array>();
    for (const version of versions) {
      const flags = [...(mls ? ['-M'] : []), '-t', target];
      const run = spawnSync('checkpolicy', [...flags, '-c', String(version), '-o', output, source], {
        encoding: 'utf8',
      });
      if (run.status !== 0) return undefined;
      made.set(version, new Uint8Array(readFileSync(output)));
    }
    return made;
  });
}

/** The binary policy of the newest version of a source that compiles. */
export function mustCompile(text: string, mls = true): Uint8Array {
  const made = compileVersions(text, mls, [33])?.get(33);
  assert.ok(made !== undefined, 'checkpolicy does not take the source');
  return made;
}
