import type { OperationView } from '../../../../shared/messages/view.ts';
import { bytesText, durationText, rateText } from '../../render/units.ts';
import { consoleEnd, expectOwnDisk, guestLines, untilGuest } from '../console.ts';
import { expect, need } from '../expect.ts';
import { ask, completed, type HostWho, hostOf, qemusOn, type Stage, showVm, until } from '../stage.ts';

/** What a migration that was checked came to. */
export interface Moved {
  readonly view: OperationView;
  readonly downtimeMs: number;
  readonly sentBytes: number;
  readonly bytesPerSecond: number;
  readonly lastCountBefore: number;
  readonly firstCountAfter: number;
  /** The counts the guest found on its disk, through the source's QEMU and through the destination's. */
  readonly lastDiskBefore: number;
  readonly firstDiskAfter: number;
  readonly epoch: number;
  readonly label: string;
}

/** Migrates the VM and checks everything that must be true afterwards, on both hosts and in the owner record. */
export async function migrateAndCheck(stage: Stage, from: HostWho, to: HostWho): Promise<Moved> {
  const { vm, left } = stage;
  const before = await showVm(stage, from);
  const sourceConsole = need(before.console, `the console on ${from}`);
  // QEMU on the destination makes or continues a file of its own.
  const destinationConsole = sourceConsole.replace(stage.layout.host(from).folder, stage.layout.host(to).folder);
  const fromByte = consoleEnd(destinationConsole);
  let seen: OperationView['progress'] = { phase: '' };
  const action = {
    verb: 'migrate',
    vm,
    destination: hostOf(to),
    options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  } as const;
  const result = await ask(stage, 'operator', from, action, (now) => {
    seen = { ...seen, ...now.progress };
  });
  const view = completed(result, `${vm} is migrated from ${from} to ${to}`);
  const progress = { ...seen, ...view.progress };

  const after = await showVm(stage, to);
  expect(after.state === 'running', `it runs on ${to}`, after.state);
  expect(after.label !== null && after.label === left.label, 'the label arrived unchanged', after.label ?? 'none');
  const arrived = need(after.console, `the console on ${to}`);
  const lines = await untilGuest(
    arrived,
    arrived === destinationConsole ? fromByte : 0,
    (found) => found.length >= 3,
    'the guest goes on counting',
    stage,
  );
  const lastBefore = need(guestLines(sourceConsole, 0).at(-1), 'the last line on the source');
  const firstAfter = need(lines[0], 'the first line on the destination');
  const other = lines.find(({ boot }) => boot !== left.boot);
  expect(other === undefined, 'the boot id is the same', `${other?.boot} at count ${other?.count}`);
  const step = firstAfter.count - lastBefore.count;
  // The line that was being printed at switchover may have come out on either side.
  expect(step >= 0 && step <= 2, 'the counter goes on where it was', `${lastBefore.count}, then ${firstAfter.count}`);

  expectOwnDisk(lines);

  await until(stage, () => qemusOn(stage, from).length === 0, `${from} has no QEMU left`);
  const there = qemusOn(stage, to);
  expect(there.length === 1 && there[0]?.pid === after.pid, `exactly one QEMU runs on ${to}`, `${there.length}`);
  const owner = need(await stage.clients.operator.owner(vm), 'the owner record');
  expect(owner.owner === to && owner.running, `the owner record says ${to}`, owner.owner);
  expect(owner.epoch === before.epoch + 1, 'its epoch grew by one', `${before.epoch}, then ${owner.epoch}`);

  const sentBytes = need(progress.transferredBytes, 'how much was sent');
  expect(sentBytes > 0, 'something was sent');
  // QEMU's own time; where it was gone before it could be asked, the whole operation's.
  const tookMs = progress.totalMs ?? need(view.endedAtMs, 'when it ended') - view.startedAtMs;
  return {
    view,
    downtimeMs: need(progress.downtimeMs, 'the downtime'),
    sentBytes,
    bytesPerSecond: (sentBytes * 1000) / Math.max(1, tookMs),
    lastCountBefore: lastBefore.count,
    firstCountAfter: firstAfter.count,
    lastDiskBefore: lastBefore.disk,
    firstDiskAfter: firstAfter.disk,
    epoch: owner.epoch,
    label: after.label,
  };
}

export const movedText = (moved: Moved): string =>
  `${bytesText(moved.sentBytes)} at ${rateText(moved.bytesPerSecond)}, downtime ${durationText(moved.downtimeMs)}`;
