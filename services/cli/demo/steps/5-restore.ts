import { durationText } from '../../render/units.ts';
import { consoleEnd, expectOwnDisk, untilGuest } from '../console.ts';
import { expect, need } from '../expect.ts';
import { ask, completed, type Stage, showVm } from '../stage.ts';
import type { Step } from '../step.ts';

export const restore: Step = {
  name: 'restore',
  title: 'The checkpoint restored on alpha, by a fresh decision',
  async run(stage) {
    const stopped = need(stage.left.stopped, 'where it had been stopped');
    const figures = await restoreAndCheck(stage);
    const { loadMs, verifyMs, firstCount, firstDisk } = figures;
    expect(
      firstDisk < stopped.disk,
      'the disk is not the later one',
      `${firstDisk} on it, ${stopped.disk} when stopped`,
    );
    stage.story.seen(
      `the counter goes on at ${firstCount}, where the checkpoint was taken; it had been stopped at ${stopped.count}`,
    );
    stage.story.seen(`so does the disk: ${firstDisk} was read from it; it had been stopped with ${stopped.disk} on it`);
    stage.story.seen(`every byte verified in ${durationText(verifyMs)}, loaded in ${durationText(loadMs)}`);
    return { summary: `loaded in ${durationText(loadMs)}, verified in ${durationText(verifyMs)}`, figures };
  },
};

/** Restores the checkpoint on alpha and checks that the guest goes on from it, with its disk, under its boot id and label. */
export async function restoreAndCheck(stage: Stage) {
  const { left, vm } = stage;
  const saved = need(left.checkpoint, 'the checkpoint');
  const consolePath = need(left.alphaConsole, 'where the console on alpha is');
  const fromByte = consoleEnd(consolePath);
  const view = completed(
    await ask(stage, 'operator', 'alpha', { verb: 'restore', checkpoint: saved.id }),
    'the operator may restore it on alpha',
  );
  const shown = await showVm(stage, 'alpha');
  expect(shown.state === 'running', 'it runs on alpha', shown.state);
  expect(
    shown.label !== null && shown.label === left.label,
    'its label is the one it was saved with',
    shown.label ?? 'none',
  );
  const lines = await untilGuest(
    consolePath,
    fromByte,
    (found) => found.length >= 2,
    'the guest goes on counting',
    stage,
  );
  const first = need(lines[0], 'a line of the guest');
  expect(first.boot === left.boot, 'it was not booted anew', first.boot);
  expect(
    first.count > saved.countBefore && first.count <= saved.countAfter + 2,
    'the counter goes on from the checkpoint',
    `${first.count}, the checkpoint was taken between ${saved.countBefore} and ${saved.countAfter}`,
  );
  expectOwnDisk(lines);
  // The guest was saved somewhere between reading the disk and writing to it.
  expect(Math.abs(first.disk - saved.disk) <= 1, `the disk is the one saved with ${saved.disk}`, `${first.disk}`);
  const owner = need(await stage.clients.operator.owner(vm), 'the owner record');
  expect(owner.owner === 'alpha' && owner.running, 'the owner record says alpha', owner.owner);
  const loadMs = need(view.progress.loadMs, 'how long loading took');
  const verifyMs = need(view.progress.verifyMs, 'how long verifying took');
  return { loadMs, verifyMs, firstCount: first.count, firstDisk: first.disk, epoch: owner.epoch, label: shown.label };
}
