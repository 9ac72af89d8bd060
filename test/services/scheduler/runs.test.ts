import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RunView } from '../../../shared/messages/job.ts';
import { aDecision, missingRule } from './support/decision.ts';
import { failedWith } from './support/host.ts';
import { addOften, createWorld, startMs, type World } from './support/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.end());

const outcomes = (runs: readonly RunView[]) => runs.map(({ outcome }) => outcome.is);
const outcomeOf = <I extends RunView['outcome']['is']>(run: RunView | undefined, is: I) => {
  assert.equal(run?.outcome.is, is, JSON.stringify(run?.outcome));
  return run?.outcome as Extract<RunView['outcome'], { is: I }>;
};
async function operatorsJob(over = {}) {
  await world.scheduler();
  const added = await world.job('operator', addOften(over));
  assert.equal(added.is, 'job', JSON.stringify(added));
}

describe('a run of a job', () => {
  test('is a save that its client signs, when it is due, and is recorded with its checkpoint and pause', async () => {
    await world.own('web', 'alpha');
    await operatorsJob();
    await world.pass(4_750);
    assert.deepEqual(world.alpha.asked, []);
    await world.pass(1_000);
    assert.deepEqual(world.alpha.saves(), [
      { client: 'client operator', request: { verb: 'save', vm: 'web', job: 'often' } },
    ]);
    const [run] = await world.runs('operator', 'often');
    const { checkpoint, pauseMs } = outcomeOf(run, 'completed');
    assert.ok(world.alpha.checkpoints.has(checkpoint));
    assert.equal(pauseMs, 2.5);
    assert.deepEqual(
      { run: run?.run, trigger: run?.trigger, host: run?.host, dueAtMs: run?.dueAtMs, startedAtMs: run?.startedAtMs },
      { run: 1, trigger: 'schedule', host: 'alpha', dueAtMs: startMs + 5_000, startedAtMs: startMs + 5_000 },
    );
    assert.ok(run !== undefined && run.endedAtMs > run.startedAtMs);
  });

  test('leaves the last two checkpoints, and none is removed that the job did not take', async () => {
    await world.own('web', 'alpha');
    await operatorsJob();
    await world.pass(5_500);
    const [first] = [...world.alpha.checkpoints.values()];
    const { job: _job, ...byHand } = { ...first!, checkpoint: `cp-${'a'.repeat(26)}` as never, takenAtMs: 1 };
    world.alpha.checkpoints.set(byHand.checkpoint, byHand);
    const anothers = {
      ...first!,
      checkpoint: `cp-${'b'.repeat(26)}` as never,
      takenFor: 'monitor' as never,
      takenAtMs: 2,
    };
    world.alpha.checkpoints.set(anothers.checkpoint, anothers);
    await world.pass(15_000);
    const runs = await world.runs('operator', 'often');
    assert.deepEqual(outcomes(runs), ['completed', 'completed', 'completed', 'completed']);
    assert.deepEqual(
      runs.map(({ removed }) => removed.length),
      [1, 1, 0, 0],
    );
    assert.deepEqual(runs[1]?.removed, [first?.checkpoint]);
    const left = [...world.alpha.checkpoints.keys()].filter(
      (id) => id !== byHand.checkpoint && id !== anothers.checkpoint,
    );
    assert.deepEqual(
      left,
      runs
        .slice(0, 2)
        .reverse()
        .map((run) => outcomeOf(run, 'completed').checkpoint),
    );
    assert.ok(world.alpha.checkpoints.has(byHand.checkpoint) && world.alpha.checkpoints.has(anothers.checkpoint));
  });

  test('keeps a checkpoint that is in use or may not be removed, and says so', async () => {
    await world.own('web', 'alpha');
    await operatorsJob({ keepLast: 1 });
    await world.pass(5_500);
    const [first] = [...world.alpha.checkpoints.keys()];
    world.alpha.inUse.add(first!);
    await world.pass(5_000);
    const [second] = await world.runs('operator', 'often');
    assert.deepEqual(second?.removed, []);
    assert.deepEqual(second?.kept, [{ host: 'alpha', checkpoint: first, why: 'in use: web maps it' }]);
    assert.equal(second?.outcome.is, 'completed');
    world.alpha.inUse.clear();
    world.alpha.answerInstead = ({ verb }) =>
      verb === 'checkpoint-remove' ? { is: 'refused', decision: aDecision('refused') } : undefined;
    await world.pass(5_000);
    const [third] = await world.runs('operator', 'often');
    assert.equal(third?.kept.length, 2);
    assert.match(third?.kept[0]?.why ?? '', /refused by the policy of alpha, missing: allow monitor_t/);
    assert.equal(world.alpha.checkpoints.size, 3);
  });

  test('takes no host`s word about the checkpoints of another', async () => {
    await world.own('web', 'alpha');
    await operatorsJob({ keepLast: 2 });
    await world.pass(10_500);
    const mine = [...world.alpha.checkpoints.values()];
    for (const n of ['c', 'd']) {
      const claimed = { ...mine[1]!, checkpoint: `cp-${n.repeat(26)}` as never, host: 'beta' as never };
      world.alpha.checkpoints.set(claimed.checkpoint, { ...claimed, takenAtMs: world.clock.nowMs() + 3_600_000 });
    }
    await world.pass(5_000);
    const [run] = await world.runs('operator', 'often');
    assert.deepEqual(run?.removed, [mine[0]?.checkpoint]);
  });

  test('that is refused is recorded with the missing rule, and the job goes on', async () => {
    await world.own('web', 'alpha');
    await world.scheduler();
    await world.job('monitor', addOften());
    world.alpha.nextSaves.push(() => ({ is: 'refused', decision: aDecision('refused') }));
    await world.pass(11_000);
    const runs = await world.runs('monitor', 'often');
    assert.deepEqual(outcomes(runs), ['completed', 'refused']);
    const { decision } = outcomeOf(runs[1], 'refused');
    assert.equal(decision.questions[0]?.missing, missingRule);
    assert.deepEqual(
      world.alpha.saves().map(({ client }) => client),
      ['client monitor', 'client monitor'],
    );
    assert.equal(world.alpha.checkpoints.size, 1);
  });

  test('finds its VM where it is: after a migration on the other host, and keep-last counts both', async () => {
    await world.own('web', 'alpha');
    await operatorsJob();
    await world.pass(10_500);
    assert.equal(world.alpha.checkpoints.size, 2);
    await world.own('web', 'beta', { epoch: 2 });
    await world.pass(5_000);
    const [run] = await world.runs('operator', 'often');
    assert.equal(run?.host, 'beta');
    assert.equal(run?.removed.length, 1);
    assert.equal(world.beta.checkpoints.size, 1);
    assert.equal(world.alpha.checkpoints.size, 1);
    await world.pass(5_000);
    assert.equal(world.alpha.checkpoints.size, 0);
    const listsOfAlpha = () => world.alpha.asked.filter(({ request }) => request.verb === 'checkpoint-list').length;
    const before = listsOfAlpha();
    await world.pass(5_000);
    assert.equal(listsOfAlpha(), before, 'a host that holds none any more is not asked again');
    assert.equal(world.beta.checkpoints.size, 2);
  });

  test('waits while the VM is busy, and follows it when it has gone elsewhere meanwhile', async () => {
    await world.own('web', 'alpha');
    await operatorsJob({ schedule: 'every 1 h' });
    world.alpha.nextSaves.push(
      () => failedWith('VM_BUSY'),
      async () => {
        await world.own('web', 'beta', { epoch: 2 });
        return failedWith('VM_ELSEWHERE');
      },
    );
    await world.job('operator', { verb: 'run', job: 'often' as never });
    await world.pass(0);
    assert.equal(world.alpha.saves().length, 1);
    await world.pass(1_000);
    assert.equal(world.alpha.saves().length, 2);
    assert.equal(world.beta.saves().length, 0);
    await world.pass(3_000);
    assert.equal(world.beta.saves().length, 1);
    const [run] = await world.runs('operator', 'often');
    assert.equal(outcomeOf(run, 'completed').is, 'completed');
    assert.deepEqual([run?.run, run?.host, run?.trigger], [1, 'beta', 'request']);
  });

  test('gives up on a VM that stays busy, after a bounded time', async () => {
    await world.own('web', 'alpha');
    await operatorsJob({ schedule: 'every 1 h' });
    world.alpha.answerInstead = ({ verb }) => (verb === 'save' ? failedWith('VM_BUSY') : undefined);
    await world.job('operator', { verb: 'run', job: 'often' as never });
    await world.pass(120_000);
    const [run] = await world.runs('operator', 'often');
    assert.equal(outcomeOf(run, 'failed').fault.code, 'VM_BUSY');
    assert.equal(world.alpha.saves().length, 10);
  });

  test('is skipped with its reason where the VM does not run, and nothing is asked of a host', async () => {
    await operatorsJob();
    await world.pass(5_250);
    await world.own('web', 'alpha', { running: false });
    await world.pass(5_000);
    const runs = await world.runs('operator', 'often');
    assert.match(outcomeOf(runs[1], 'skipped').reason, /no host has started web/);
    assert.match(outcomeOf(runs[0], 'skipped').reason, /web is stopped; alpha ran it last/);
    assert.deepEqual(world.alpha.asked, []);
  });

  test('believes no owner record that another host has written', async () => {
    await world.own('web', 'beta', {}, 'alpha');
    await operatorsJob();
    await world.pass(5_250);
    const [run] = await world.runs('operator', 'often');
    assert.equal(outcomeOf(run, 'failed').fault.code, 'MESSAGE_FORGED');
    assert.deepEqual(world.beta.asked, []);
  });

  test('is one however long the last one took, and never two of a job at once', async () => {
    await world.own('web', 'alpha');
    await operatorsJob();
    world.alpha.pollsPerSave = 8;
    await world.pass(60_000);
    const runs = await world.runs('operator', 'often');
    for (const [i, run] of runs.entries()) {
      const before = runs[i + 1];
      if (before !== undefined) assert.ok(before.endedAtMs <= run.startedAtMs);
    }
    assert.ok(runs.length >= 3 && runs.every(({ outcome }) => outcome.is === 'completed'));
    assert.ok(world.alpha.saves().length - runs.length <= 1);
  });

  test('of two jobs of one VM comes after the other, without the host having to say that it is busy', async () => {
    await world.own('web', 'alpha');
    await operatorsJob();
    await world.job('operator', addOften({ job: 'too' as never }));
    await world.pass(5_000);
    assert.equal(world.alpha.saves().length, 1);
    await world.pass(1_000);
    assert.equal(world.alpha.saves().length, 2);
    assert.deepEqual(
      [...(await world.runs('operator', 'often')), ...(await world.runs('operator', 'too'))].map(
        ({ host, outcome }) => [host, outcome.is],
      ),
      [
        ['alpha', 'completed'],
        ['alpha', 'completed'],
      ],
    );
  });
});

describe('a scheduler that ends', () => {
  test('in the middle of a save leaves it to the next one, which follows it to its end', async () => {
    await world.own('web', 'alpha');
    const first = await world.scheduler();
    await world.job('operator', addOften({ schedule: 'every 1 h' }));
    world.alpha.pollsPerSave = 5;
    await world.job('operator', { verb: 'run', job: 'often' as never });
    await world.pass(500);
    await first.stop();
    await world.pass(1_000);
    assert.equal(world.alpha.checkpoints.size, 0);
    await world.scheduler();
    await world.pass(10_000);
    const runs = await world.runs('operator', 'often');
    assert.deepEqual(outcomes(runs), ['completed']);
    assert.equal(world.alpha.saves().length, 1);
  });

  test('by a crash is noticed after a while, and its save is looked up and not asked for again', async () => {
    await world.own('web', 'alpha');
    const first = await world.scheduler();
    await world.job('operator', addOften({ schedule: 'every 1 h' }));
    world.alpha.pollsPerSave = 5;
    await world.job('operator', { verb: 'run', job: 'often' as never });
    await world.pass(500);
    await first.die();
    await world.scheduler();
    await world.pass(5_000);
    assert.deepEqual(await world.runs('operator', 'often'), [], 'the first is still taken to be alive');
    await world.pass(40_000);
    assert.deepEqual(outcomes(await world.runs('operator', 'often')), ['completed']);
    assert.equal(world.alpha.saves().length, 1);
  });

  test('by a crash before the host answered leaves a run that has failed, its outcome unknown', async () => {
    await world.own('web', 'alpha');
    const first = await world.scheduler();
    await world.job('operator', addOften({ schedule: 'every 1 h' }));
    world.alpha.nextSaves.push(async () => {
      await first.die();
      return failedWith('INTERNAL');
    });
    await world.job('operator', { verb: 'run', job: 'often' as never });
    await world.pass(250);
    await world.scheduler();
    await world.pass(45_000);
    const [run] = await world.runs('operator', 'often');
    assert.equal(outcomeOf(run, 'failed').fault.code, 'OPERATION_UNKNOWN');
    assert.equal(run?.host, 'alpha');
    assert.equal(world.alpha.saves().length, 1);
  });
});

describe('a bus that loses answers', () => {
  test('costs a run some time, and no checkpoint', async () => {
    await world.own('web', 'alpha');
    const scheduler = await world.scheduler();
    await world.job('operator', addOften({ schedule: 'every 1 h' }));
    await world.job('operator', { verb: 'run', job: 'often' as never });
    scheduler.loseAnswers(3);
    await world.pass(10_000);
    assert.deepEqual(outcomes(await world.runs('operator', 'often')), ['completed']);
    assert.equal(world.alpha.saves().length, 1);
  });
});

describe('two schedulers by mistake', () => {
  test('leave a run that takes long to the one that has claimed it', async () => {
    await world.own('web', 'alpha');
    await operatorsJob({ schedule: 'every 1 h' });
    await world.scheduler();
    world.alpha.pollsPerSave = 60;
    await world.job('operator', { verb: 'run', job: 'often' as never });
    await world.pass(130_000);
    assert.deepEqual(outcomes(await world.runs('operator', 'often')), ['completed']);
    const polls = world.alpha.asked.filter(({ request }) => request.verb === 'operation').length;
    assert.equal(polls, 60, 'nobody else has asked about it');
  });

  test('run each due time once', async () => {
    await world.own('web', 'alpha');
    await operatorsJob();
    await world.scheduler();
    await world.pass(26_000);
    const runs = await world.runs('operator', 'often');
    assert.equal(runs.length, 5);
    assert.equal(world.alpha.saves().length, 5);
    assert.equal(new Set(runs.map(({ dueAtMs }) => dueAtMs)).size, 5);
  });
});
