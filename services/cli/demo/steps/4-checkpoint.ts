import { bytesText, durationText } from '../../render/units.ts';
import { guestLines, untilGuest } from '../console.ts';
import { readDisk, savedDisk } from '../disk.ts';
import { expect, need } from '../expect.ts';
import { ask, completed, hostOf, type Stage, showVm } from '../stage.ts';
import type { Step } from '../step.ts';
import { pausesOn } from '../watch.ts';
import { stopAndCheck } from './stopped.ts';

export const checkpoint: Step = {
  name: 'checkpoint',
  title: 'A live checkpoint on beta; then the VM is stopped',
  async run(stage) {
    const { vm, left, story } = stage;
    const console = need((await showVm(stage, 'beta')).console, 'the console on beta');
    const countBefore = need(guestLines(console, 0).at(-1), 'a line of the guest').count;
    const view = completed(await ask(stage, 'operator', 'beta', { verb: 'save', vm }), 'the operator may save it');
    const id = need(view.outcome?.is === 'completed' ? view.outcome.checkpoint : undefined, 'the id of the checkpoint');
    const pauseMs = need(view.progress.pauseMs, 'how long the guest was paused');
    const countAfter = need(guestLines(console, 0).at(-1), 'a line of the guest').count;
    const onDisk = await readDisk(savedDisk(stage, id));
    expect(
      onDisk.boot === left.boot && onDisk.count >= countBefore - 1 && onDisk.count <= countAfter,
      'the disk was saved at the same moment',
      `count ${onDisk.count} on it, saved between ${countBefore} and ${countAfter}`,
    );
    left.checkpoint = { id, countBefore, countAfter, disk: onDisk.count };
    // Step 3 saw no pause on this host; here there is one, and it is seen the same way.
    expect(pausesOn(stage, 'beta') > 0, 'the pause of the guest is seen in the log of beta');
    story.seen(`${id}: the guest was paused for ${durationText(pauseMs)}; its disk was saved at ${onDisk.count}`);

    // Far enough that what comes after the restore cannot be mistaken for what came after the stop.
    await untilGuest(console, 0, (lines) => (lines.at(-1)?.count ?? 0) >= countAfter + 4, 'the guest goes on', stage);
    story.seen('the guest goes on counting');
    const stopped = await stopAndCheck(stage, 'beta');
    left.stopped = stopped;
    story.seen(`it is stopped at ${stopped.count}, with ${stopped.disk} on its disk; beta has no QEMU left`);
    const bytes = await bytesOf(stage, id);
    return {
      summary: `guest paused ${durationText(pauseMs)}, ${bytesText(bytes)} saved`,
      figures: {
        checkpoint: id,
        pauseMs,
        bytes,
        saveMs: view.progress.totalMs ?? 0,
        countBefore,
        countWhenSaved: countAfter,
        countAtStop: stopped.count,
        diskWhenSaved: onDisk.count,
        diskAtStop: stopped.disk,
      },
    };
  },
};

async function bytesOf(stage: Stage, id: string): Promise<number> {
  const answer = await stage.clients.operator.ask(hostOf('beta'), { verb: 'checkpoint-list', vm: stage.vm });
  const found = answer.is === 'checkpoints' ? answer.checkpoints.find((one) => one.checkpoint === id) : undefined;
  return need(found, 'the checkpoint in the list').bytes;
}
