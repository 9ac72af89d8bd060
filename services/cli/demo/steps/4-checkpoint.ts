import { bytesText, durationText } from '../../render/units.ts';
import { guestLines, untilGuest } from '../console.ts';
import { expect, need } from '../expect.ts';
import { ask, completed, hostOf, qemusOn, type Stage, showVm, until } from '../stage.ts';
import type { Step } from '../step.ts';
import { pausesOn } from '../watch.ts';

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
    left.checkpoint = { id, countBefore, countAfter };
    // Step 3 saw no pause on this host; here there is one, and it is seen the same way.
    expect(pausesOn(stage, 'beta') > 0, 'the pause of the guest is seen in the log of beta');
    story.seen(`${id}: the guest was paused for ${durationText(pauseMs)}`);

    // Far enough that what comes after the restore cannot be mistaken for what came after the stop.
    await untilGuest(console, 0, (lines) => (lines.at(-1)?.count ?? 0) >= countAfter + 4, 'the guest goes on', stage);
    story.seen('the guest goes on counting');
    await stop(stage);
    left.countAtStop = need(guestLines(console, 0).at(-1), 'a line of the guest').count;
    story.seen(`it is stopped at ${left.countAtStop}; beta has no QEMU left`);
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
        countAtStop: left.countAtStop,
      },
    };
  },
};

async function stop(stage: Stage): Promise<void> {
  const result = await ask(stage, 'operator', 'beta', { verb: 'stop', vm: stage.vm, force: false });
  expect(
    result.is === 'completed',
    'the operator may stop it',
    result.is === 'failed' ? result.fault.message : result.is,
  );
  await until(stage, () => qemusOn(stage, 'beta').length === 0, 'beta has no QEMU left');
}

async function bytesOf(stage: Stage, id: string): Promise<number> {
  const answer = await stage.clients.operator.ask(hostOf('beta'), { verb: 'checkpoint-list', vm: stage.vm });
  const found = answer.is === 'checkpoints' ? answer.checkpoints.find((one) => one.checkpoint === id) : undefined;
  return need(found, 'the checkpoint in the list').bytes;
}
