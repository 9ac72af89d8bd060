import { guestLines } from '../console.ts';
import { poolDisk, readDisk } from '../disk.ts';
import { expect, need } from '../expect.ts';
import { ask, type HostWho, qemusOn, type Stage, showVm, until } from '../stage.ts';

/** How far the guest had come when it was stopped: on its console, and on its disk. */
export interface Stopped {
  readonly count: number;
  readonly disk: number;
}

/** Stops the VM and checks that no process is left and that the disk holds what the guest wrote last. */
export async function stopAndCheck(stage: Stage, host: HostWho, { force = false } = {}): Promise<Stopped> {
  const { vm, left } = stage;
  const console = need((await showVm(stage, host)).console, `the console on ${host}`);
  const result = await ask(stage, 'operator', host, { verb: 'stop', vm, force });
  expect(
    result.is === 'completed',
    'the operator may stop it',
    result.is === 'failed' ? result.fault.message : result.is,
  );
  await until(stage, () => qemusOn(stage, host).length === 0, `${host} has no QEMU left`);
  const { count } = need(guestLines(console, 0).at(-1), 'a line of the guest');
  const onDisk = await readDisk(poolDisk(stage));
  expect(onDisk.boot === left.boot, 'it was this boot that wrote to the disk', onDisk.boot);
  // One that is ended by force may have printed a line and not written it yet, or the other way round.
  const mayDiffer = force ? 1 : 0;
  expect(Math.abs(onDisk.count - count) <= mayDiffer, `the disk holds the last count, ${count}`, `${onDisk.count}`);
  return { count, disk: onDisk.count };
}
