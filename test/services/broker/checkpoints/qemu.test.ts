import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoints } from '../../../../services/broker/checkpoints/checkpoints.ts';
import { hostName } from '../../../../shared/ids.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { aboutOf, idOf, sound, specOf, stateLabel } from '../../../support/vmstate-checkpoint.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';
import { memoryOf, setCapabilities, startQemu, stoppedQemu, testMachine } from '../../../support/vmstate-qemu.ts';

const { memoryMiB } = testMachine;

test('a checkpoint of a real QEMU is restored by a real QEMU through its descriptors, and stays as it was', async (t) => {
  const root = temporaryDirectory(t);
  const directory = join(root, 'store');
  const fleet = await createTestFleet();
  const checkpoints = await openCheckpoints({
    ...{ directory, run: root, host: sound(hostName, 'alpha'), identity: await fleet.identity('host', 'alpha') },
    ...{ trust: fleet.trust(), clock: systemClock },
  });
  let memory: Buffer;
  {
    await using qemu = await stoppedQemu();
    memory = await memoryOf(qemu, join(root, 'memory'));
    const draft = await checkpoints.begin(idOf(1), specOf(memoryMiB), stateLabel);
    await setCapabilities(qemu, ['background-snapshot']);
    await qemu.execute('migrate', { uri: `unix:${draft.streamPath}` });
    await draft.received;
    for (const { path } of draft.disks) writeFileSync(path, 'a disk');
    await draft.seal(aboutOf('alpha', 1, memoryMiB));
  }
  const opened = await checkpoints.open(idOf(1));
  t.after(opened.close);
  const { memoryFd, devicesFd } = opened;
  await using restored = await startQemu({ memoryFd, inherit: [devicesFd], incoming: true });
  await restored.execute('migrate-incoming', { uri: 'fd:4' });
  await restored.migration('completed');
  assert.ok((await memoryOf(restored, join(root, 'memory-restored'))).equals(memory), 'the memory is the same');
  await restored.execute('cont');
  await restored.execute('system_reset');
  await restored.execute('human-monitor-command', { 'command-line': 'xp /1xw 0' });
  assert.ok(readFileSync(`/proc/self/fd/${memoryFd}`).equals(memory), 'the guest runs on a mapping of its own');
  (await checkpoints.open(idOf(1))).close();
});
