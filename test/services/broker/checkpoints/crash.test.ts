import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCheckpoints } from '../../../../services/broker/checkpoints/checkpoints.ts';
import { hostName } from '../../../../shared/ids.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { idOf, memoryLabels, sound, take } from '../../../support/vmstate-checkpoint.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';

const script = fileURLToPath(new URL('../../../support/vmstate-crash.ts', import.meta.url));
const fleet = await createTestFleet();

for (const [what, step, left] of [
  ['before the first file is labelled', '1', ['devices', 'disk-root.img', 'memory']],
  ['after the stream was received', 'received', ['devices', 'disk-root.img', 'memory']],
  ['while the digests are written', '4', ['devices', 'digests', 'disk-root.img', 'memory']],
  ['while the manifest is signed', 'signing', ['devices', 'digests', 'disk-root.img', 'manifest', 'memory']],
] as const) {
  test(`a broker that is killed ${what} leaves no checkpoint, and the next one cleans up`, async (t) => {
    const directory = join(temporaryDirectory(t), 'store');
    const run = temporaryDirectory(t);
    const child = spawn(process.execPath, [script, directory, run, step], { stdio: 'inherit' });
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGKILL');
    assert.ok(!existsSync(join(directory, idOf(1))));
    assert.deepEqual(readdirSync(join(directory, `.draft-alpha.${idOf(1)}`)).sort(), left);
    const checkpoints = await openCheckpoints({
      ...{ directory, run, host: sound(hostName, 'alpha'), identity: await fleet.identity('host', 'alpha') },
      ...{ trust: fleet.trust(), clock: systemClock, labels: memoryLabels() },
    });
    assert.deepEqual(readdirSync(directory), ['.pins']);
    await take(checkpoints, 'alpha');
    assert.equal((await checkpoints.list()).length, 1);
  });
}
