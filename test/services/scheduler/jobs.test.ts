import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createJobs } from '../../../services/scheduler/jobs.ts';
import type { Jobs } from '../../../services/scheduler/ports.ts';
import { claim, type JobRecord } from '../../../services/scheduler/record.ts';
import { createRecordSeal, type RecordSeal } from '../../../services/scheduler/sealed.ts';
import { createMemoryBucket } from '../../../shared/bus/memory-bucket.ts';
import type { ClientName, JobName, VmName } from '../../../shared/ids.ts';
import { silentLogger } from '../../../shared/log/logger.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { createTestFleet } from '../../support/pki.ts';

const id = { client: 'operator' as ClientName, name: 'often' as JobName };
const record: JobRecord = {
  ...id,
  vm: 'web' as VmName,
  schedule: 'every 5 s',
  timeZone: 'UTC',
  keepLast: 2,
  paused: false,
  createdAtMs: 1_000,
  plannedUntilMs: 1_000,
  runs: 0,
  heldBy: [],
  open: null,
  last: null,
};
const one = '1'.repeat(32);
const other = '2'.repeat(32);
const wanted = (runner: string, dueAtMs = 6_000, nowMs = 6_000) => ({
  trigger: 'schedule' as const,
  dueAtMs,
  runner,
  nowMs,
});

let seal: RecordSeal;
before(async () => {
  const fleet = await createTestFleet();
  seal = createRecordSeal(await fleet.identity('service', 'scheduler'), fleet.trust(), systemClock);
});

/** Two schedulers' views of the same buckets. */
async function twoViews(): Promise<[Jobs, Jobs]> {
  const buckets = { jobs: createMemoryBucket(), runs: createMemoryBucket(), seal, log: silentLogger };
  const views: [Jobs, Jobs] = [createJobs(buckets), createJobs(buckets)];
  await views[0].create(record);
  return views;
}

describe('a claim', () => {
  test('that two make at the same moment is had by one', async () => {
    const views = await twoViews();
    let read = 0;
    // Both have read the same revision before either writes.
    const [first, second] = await Promise.all(
      [one, other].map((runner, i) =>
        views[i]!.change(id, (job) => {
          read += 1;
          return claim(job, wanted(runner));
        }),
      ),
    );
    assert.equal(read, 3, 'whoever was slower has read again');
    assert.deepEqual([first?.open?.runner, second], [one, undefined]);
    assert.equal((await views[1].get(id))?.runs, 1);
  });

  test('of a due time that was run already is nobody`s, also after the run has ended', async () => {
    const [mine, others] = await twoViews();
    const claimed = await mine.change(id, (job) => claim(job, wanted(one)));
    assert.equal(claimed?.open?.run, 1);
    await mine.change(id, (job) => ({ ...job, open: null }));
    assert.equal(await others.change(id, (job) => claim(job, wanted(other))), undefined);
    assert.equal((await others.change(id, (job) => claim(job, wanted(other, 11_000, 11_000))))?.open?.run, 2);
  });

  test('merges everything that came due until it was made', () => {
    assert.equal(claim(record, wanted(one, 6_000, 3_600_500))?.plannedUntilMs, 3_600_500);
    // A clock that was set back does not make a due time come again.
    assert.equal(claim({ ...record, plannedUntilMs: 9_000 }, wanted(one, 11_000, 10_000))?.plannedUntilMs, 11_000);
  });

  test('by a person leaves the calendar as it is, and is had of a paused job too', () => {
    const asked = claim({ ...record, paused: true }, { ...wanted(one, 7_000, 7_000), trigger: 'request' });
    assert.deepEqual([asked?.plannedUntilMs, asked?.open?.trigger], [1_000, 'request']);
    assert.equal(claim({ ...record, paused: true }, wanted(one)), undefined);
  });
});
