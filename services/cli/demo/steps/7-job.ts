import type { JobName } from '../../../../shared/ids.ts';
import type { JobAsk, RunView } from '../../../../shared/messages/job.ts';
import { durationText } from '../../render/units.ts';
import { expect, need, StepFailed } from '../expect.ts';
import { type ClientWho, hostOf, namedByRefusal, type Stage, until } from '../stage.ts';
import type { Step } from '../step.ts';
import { migrateAndCheck, movedText } from './moved.ts';

const job = 'keep-two' as JobName;
const keepLast = 2;
const runTimeoutMs = 60_000;

export const jobs: Step = {
  name: 'job',
  title: 'A checkpoint job: every 5 s, keep the last 2, wherever the VM is',
  async run(stage) {
    const { story, vm } = stage;
    await add(stage, 'operator');
    await add(stage, 'monitor');
    try {
      const first = await runThat(
        stage,
        'operator',
        (run) => run.outcome.is === 'completed' && run.host === 'alpha',
        'a checkpoint on alpha',
      );
      story.seen(
        `run ${first.run} on alpha: ${checkpointOf(first)}, guest paused ${durationText(pauseOf(first) ?? 0)}`,
      );
      const moved = await migrateAndCheck(stage, 'alpha', 'beta');
      story.seen(`migrated to beta meanwhile: ${movedText(moved)}`);
      const onBeta = await runThat(
        stage,
        'operator',
        (run) => run.outcome.is === 'completed' && run.host === 'beta',
        'a checkpoint on beta',
      );
      story.seen(`run ${onBeta.run} followed it to beta: ${checkpointOf(onBeta)}`);
      await until(
        stage,
        async () => checkpointsOf(await history(stage, 'operator')).length >= 3,
        'three checkpoints by the job',
        runTimeoutMs,
      );

      const refusedRun = await runThat(
        stage,
        'monitor',
        (run) => run.outcome.is === 'refused',
        'a refused run for the monitor',
      );
      const decision = refusedRun.outcome.is === 'refused' ? refusedRun.outcome.decision : undefined;
      const named = namedByRefusal(need(decision, 'the decision of the refused run'));
      story.seen(`the same job for the monitor is refused: ${named.join(' ')}`);

      await ask(stage, 'operator', { verb: 'pause', job });
      await until(
        stage,
        async () => (await idle(stage)) && (await keptByJob(stage)).length === keepLast,
        'two checkpoints are kept',
        runTimeoutMs,
      );
      const runs = (await history(stage, 'operator')).toReversed();
      const made = checkpointsOf(runs);
      expect(made.length >= 3, 'the job made three checkpoints', `${made.length}`);
      const kept = await keptByJob(stage);
      const last: readonly string[] = made.slice(-keepLast);
      expect(
        kept.every((one) => last.includes(one)),
        `the last two are kept, ${last.join(' ')}`,
        kept.join(' '),
      );
      story.seen(`${made.length} checkpoints were made, the last ${kept.length} are kept: ${kept.join(', ')}`);

      const back = await migrateAndCheck(stage, 'beta', 'alpha');
      story.seen(`back on alpha: ${movedText(back)}`);
      return {
        summary: `${made.length} made, ${kept.length} kept; for the monitor: refused`,
        figures: {
          made: made.length,
          kept,
          runs: runs.map(runFigures),
          monitorRefusedFor: named,
          downtimeMs: moved.downtimeMs,
          epoch: back.epoch,
          label: back.label,
        },
      };
    } finally {
      await Promise.allSettled(
        (['operator', 'monitor'] as const).map((who) => stage.clients[who].askScheduler({ verb: 'remove', job })),
      );
    }

    async function keptByJob(on: Stage): Promise<string[]> {
      const answer = await on.clients.operator.ask(hostOf('beta'), { verb: 'checkpoint-list', vm });
      return answer.is === 'checkpoints'
        ? answer.checkpoints.filter((one) => one.job === job).map((one) => one.checkpoint)
        : [];
    }
  },
};

async function add(stage: Stage, who: ClientWho): Promise<void> {
  stage.story.command(who, `carnet job add ${job} --vm ${stage.vm} --every "5 s" --keep-last ${keepLast}`);
  await ask(stage, who, { verb: 'add', job, vm: stage.vm, schedule: 'every 5 s', timeZone: 'UTC', keepLast });
}

async function ask(stage: Stage, who: ClientWho, body: JobAsk) {
  const answer = await stage.clients[who].askScheduler(body);
  if (answer.is === 'failed') throw new StepFailed(`the scheduler: ${answer.fault.code}: ${answer.fault.message}`);
  return answer;
}

async function history(stage: Stage, who: ClientWho): Promise<readonly RunView[]> {
  const answer = await ask(stage, who, { verb: 'history', job, runs: 50 });
  return answer.is === 'runs' ? answer.runs : [];
}

/** Waits for a run of the job that is as wanted. */
async function runThat(
  stage: Stage,
  who: ClientWho,
  wanted: (run: RunView) => boolean,
  what: string,
): Promise<RunView> {
  let found: RunView | undefined;
  await until(
    stage,
    async () => {
      found = (await history(stage, who)).find(wanted);
      return found !== undefined;
    },
    what,
    runTimeoutMs,
  );
  return need(found, what);
}

async function idle(stage: Stage): Promise<boolean> {
  const answer = await ask(stage, 'operator', { verb: 'show', job });
  return answer.is === 'job' && answer.job.summary.open === null;
}

const checkpointsOf = (runs: readonly RunView[]) => runs.flatMap((run) => checkpointOf(run) ?? []);
const checkpointOf = (run: RunView) => (run.outcome.is === 'completed' ? run.outcome.checkpoint : null);
const pauseOf = (run: RunView) => (run.outcome.is === 'completed' ? run.outcome.pauseMs : null);
const runFigures = (run: RunView) => ({
  run: run.run,
  host: run.host,
  outcome: run.outcome.is,
  checkpoint: checkpointOf(run),
  pauseMs: pauseOf(run),
});
