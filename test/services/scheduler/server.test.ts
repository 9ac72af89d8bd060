import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type JobRecord, jobRecord } from '../../../services/scheduler/record.ts';
import { createRecordSeal } from '../../../services/scheduler/sealed.ts';
import type { JobAnswer, JobAsk } from '../../../shared/messages/job.ts';
import { buckets } from '../../../shared/messages/record.ts';
import { addOften, createWorld, startMs, type World } from './support/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
  await world.own('web', 'alpha');
  await world.scheduler();
});
afterEach(() => world.end());

const often = 'often' as never;
const faultOf = (answer: JobAnswer) => {
  assert.equal(answer.is, 'failed', JSON.stringify(answer));
  return answer.is === 'failed' ? answer.fault : assert.fail();
};
const viewOf = (answer: JobAnswer) => {
  assert.equal(answer.is, 'job', JSON.stringify(answer));
  return answer.is === 'job' ? answer.job : assert.fail();
};

describe('a client', () => {
  test('adds a job that acts for nobody but the client, and sees when it comes due', async () => {
    const view = viewOf(
      await world.job('operator', addOften({ schedule: '30 2 * * *', timeZone: 'America/New_York', keepLast: 7 })),
    );
    assert.equal(view.client, 'operator');
    assert.equal(view.summary.nextDueAtMs, Date.parse('2026-03-04T07:30:00Z'));
    assert.deepEqual(
      view.upcomingAtMs.map((ms) => new Date(ms).toISOString()),
      [
        '2026-03-04T07:30:00.000Z',
        '2026-03-05T07:30:00.000Z',
        '2026-03-06T07:30:00.000Z',
        '2026-03-07T07:30:00.000Z',
        '2026-03-08T07:00:00.000Z',
      ],
    );
  });

  test('may have one job of a name', async () => {
    await world.job('operator', addOften());
    assert.equal(faultOf(await world.job('operator', addOften())).code, 'JOB_EXISTS');
    assert.equal((await world.job('monitor', addOften())).is, 'job');
  });

  test('is told what is wrong with a schedule', async () => {
    const fault = faultOf(await world.job('operator', addOften({ schedule: '61 * * * *' })));
    assert.equal(fault.code, 'USAGE_INVALID');
    assert.match(fault.message, /`61 \* \* \* \*` is not one/);
    const zone = faultOf(await world.job('operator', addOften({ schedule: '1 * * * *', timeZone: 'Europe/Atlantis' })));
    assert.match(zone.message, /`Europe\/Atlantis` is not a time zone/);
  });

  test('whose identity the scheduler does not hold is refused, with a hint', async () => {
    const fault = faultOf(await world.job('intruder', addOften()));
    assert.equal(fault.code, 'IDENTITY_UNKNOWN');
    assert.match(fault.message, /cannot act for intruder/);
    assert.match(fault.hint ?? '', /certificate\.pem, key\.pem and authority\.pem of intruder/);
    assert.deepEqual(await world.job('intruder', { verb: 'list' }), { is: 'jobs', jobs: [] });
  });

  test('is not acted for under the identity of somebody else, whatever folder that is in', async () => {
    const fault = faultOf(await world.job('misfiled', addOften()));
    assert.equal(fault.code, 'IDENTITY_UNKNOWN');
    assert.match(fault.message, /the identity it holds is that of client operator/);
  });

  test('neither sees nor changes the job of another client, and is not told that there is one', async () => {
    await world.job('operator', addOften());
    const asks: JobAsk[] = [
      { verb: 'show', job: often },
      { verb: 'history', job: often, runs: 50 },
      { verb: 'remove', job: often },
      { verb: 'pause', job: often },
      { verb: 'resume', job: often },
      { verb: 'run', job: often },
    ];
    for (const ask of asks) {
      const fault = faultOf(await world.job('monitor', ask));
      assert.deepEqual([ask.verb, fault.code, fault.message], [ask.verb, 'JOB_UNKNOWN', 'monitor has no job often']);
    }
    assert.deepEqual(await world.job('monitor', { verb: 'list' }), { is: 'jobs', jobs: [] });
    await world.pass(5_500);
    assert.deepEqual(
      world.alpha.saves().map(({ client }) => client),
      ['client operator'],
    );
    assert.equal(viewOf(await world.job('operator', { verb: 'show', job: often })).summary.paused, false);
  });

  test('sees the phase of a run under way, and then its outcome', async () => {
    world.alpha.pollsPerSave = 3;
    await world.job('operator', addOften());
    await world.pass(5_250);
    const during = viewOf(await world.job('operator', { verb: 'show', job: often })).summary;
    assert.deepEqual(during.open, { run: 1, startedAtMs: startMs + 5_000, phase: 'following', host: 'alpha' });
    world.alpha.pollsPerSave = 1;
    await world.pass(1_750);
    const after = viewOf(await world.job('operator', { verb: 'show', job: often }));
    assert.equal(after.summary.open, null);
    assert.equal(after.summary.last?.is, 'completed');
    assert.equal(after.lastRun?.run, 1);
    assert.equal(after.summary.nextDueAtMs, startMs + 10_000);
  });

  test('pauses a job, and what came due meanwhile is let pass', async () => {
    await world.job('operator', addOften());
    const paused = viewOf(await world.job('operator', { verb: 'pause', job: often }));
    assert.deepEqual([paused.summary.paused, paused.summary.nextDueAtMs], [true, null]);
    await world.pass(62_000);
    assert.deepEqual(world.alpha.saves(), []);
    const resumed = viewOf(await world.job('operator', { verb: 'resume', job: often }));
    assert.equal(resumed.summary.nextDueAtMs, startMs + 65_000);
    await world.pass(2_750);
    assert.deepEqual(world.alpha.saves(), []);
    await world.pass(250);
    assert.equal(world.alpha.saves().length, 1);
  });

  test('runs a job at once, also a paused one, but not twice at a time', async () => {
    world.alpha.pollsPerSave = 4;
    await world.job('operator', addOften());
    await world.job('operator', { verb: 'pause', job: often });
    assert.deepEqual(await world.job('operator', { verb: 'run', job: often }), { is: 'started', run: 1 });
    const fault = faultOf(await world.job('operator', { verb: 'run', job: often }));
    assert.deepEqual([fault.code, fault.message], ['VM_BUSY', 'a run of often is under way']);
    await world.pass(5_000);
    assert.equal((await world.runs('operator', 'often'))[0]?.trigger, 'request');
    assert.deepEqual(await world.job('operator', { verb: 'run', job: often }), { is: 'started', run: 2 });
  });

  test('removes a job with its history; a new one of the name begins anew', async () => {
    await world.job('operator', addOften());
    await world.pass(6_000);
    assert.equal((await world.runs('operator', 'often')).length, 1);
    assert.deepEqual(await world.job('operator', { verb: 'remove', job: often }), { is: 'removed', job: 'often' });
    assert.equal(faultOf(await world.job('operator', { verb: 'show', job: often })).code, 'JOB_UNKNOWN');
    await world.pass(20_000);
    assert.equal(world.alpha.saves().length, 1);
    assert.equal(world.alpha.checkpoints.size, 1, 'its checkpoint stays');
    await world.job('operator', addOften());
    assert.deepEqual(await world.runs('operator', 'often'), []);
  });

  test('that removes a job while it runs has the run end with it', async () => {
    world.alpha.pollsPerSave = 3;
    await world.job('operator', addOften());
    await world.pass(5_250);
    await world.job('operator', { verb: 'remove', job: often });
    await world.pass(10_000);
    await world.job('operator', addOften({ schedule: 'every 1 h' }));
    await world.pass(10_000);
    assert.deepEqual(await world.runs('operator', 'often'), []);
  });
});

describe('whoever is no client', () => {
  test('has no jobs: a host is refused', async () => {
    const fault = faultOf(await world.jobAs('host', 'gamma', addOften()));
    assert.equal(fault.code, 'IDENTITY_UNKNOWN');
    assert.match(fault.message, /host gamma is none/);
  });
});

describe('a record in the jobs bucket', () => {
  test('that no scheduler has sealed is never run, and the other jobs go on', async () => {
    await world.job('operator', addOften());
    await world.pass(1_000);
    const bucket = await world.bus.bucket(buckets.jobs);
    const sealed = await bucket.get('operator.often');
    assert.ok(sealed !== undefined);
    await bucket.create('operator.copy', sealed.value);
    await bucket.create('monitor.often', sealed.value);
    const changed = Uint8Array.from(sealed.value);
    const at = Buffer.from(changed).indexOf('web');
    changed.set(Buffer.from('dbs'), at);
    await bucket.create('operator.changed', changed);
    const byOperator = createRecordSeal(
      await world.fleet.identity('client', 'operator'),
      world.fleet.trust(world.clock),
      world.clock,
    );
    const record = createRecordSeal(
      await world.fleet.identity('service', 'scheduler'),
      world.fleet.trust(world.clock),
      world.clock,
    ).open<JobRecord>('job/operator.often', sealed.value, jobRecord);
    const forged = { ...record, client: 'monitor', name: 'forged' };
    await bucket.create('monitor.forged', byOperator.seal('job/monitor.forged', forged));
    await world.own('dbs', 'alpha');
    await world.pass(20_000);
    assert.deepEqual(
      new Set(world.alpha.saves().map(({ request }) => `${request.job} ${request.vm}`)),
      new Set(['often web']),
    );
    assert.equal(world.alpha.saves().length, 4);
    const listed = await world.job('operator', { verb: 'list' });
    assert.deepEqual(listed.is === 'jobs' && listed.jobs.map(({ job }) => job), ['often']);
  });
});
