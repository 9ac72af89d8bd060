import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  nextDueMs,
  type Planned,
  plan,
  readSchedule,
  type Schedule,
  upcomingMs,
} from '../../../services/scheduler/plan.ts';

const at = (text: string): number => Date.parse(text);
const zulu = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString().replace('.000', '');
const newYear = at('2026-01-01T00:00:00Z');

function schedule(text: string, timeZone = 'UTC'): Schedule {
  const read = readSchedule(text, timeZone, newYear);
  assert.ok(read.ok, read.ok ? '' : read.problem);
  return read.schedule;
}
function problem(text: string, timeZone = 'UTC'): string {
  const read = readSchedule(text, timeZone, newYear);
  assert.ok(!read.ok, `${text} was read`);
  return read.problem;
}
const times = (text: string, timeZone: string, from: string, count: number) =>
  upcomingMs(schedule(text, timeZone), newYear, at(from), count).map(zulu);

describe('a schedule', () => {
  test('is a period in seconds, minutes or hours', () => {
    assert.deepEqual(schedule('every 5 s'), { kind: 'every', periodMs: 5_000 });
    assert.deepEqual(schedule(' every  15 min '), { kind: 'every', periodMs: 900_000 });
    assert.deepEqual(schedule('every 6h'), { kind: 'every', periodMs: 21_600_000 });
  });

  test('is a calendar expression of five or six fields, in a time zone', () => {
    assert.deepEqual(times('30 2 * * *', 'Europe/Berlin', '2026-01-01T00:00:00Z', 2), [
      '2026-01-01T01:30:00Z',
      '2026-01-02T01:30:00Z',
    ]);
    assert.deepEqual(times('*/20 * * * * *', 'UTC', '2026-01-01T00:00:19.999Z', 2), [
      '2026-01-01T00:00:20Z',
      '2026-01-01T00:00:40Z',
    ]);
    assert.deepEqual(times('0 4 * * MON', 'UTC', '2026-01-01T00:00:00Z', 1), ['2026-01-05T04:00:00Z']);
  });

  test('that cannot be read is answered with what is wrong with it', () => {
    assert.match(problem('every 0 s'), /not between a second and a year/);
    assert.match(problem('every 9000 h'), /not between a second and a year/);
    assert.match(problem('every five minutes'), /write `every 30 s`, `every 15 min` or `every 6 h`/);
    assert.match(problem('every 1.5 h'), /not a period/);
    assert.match(problem('nightly'), /neither `every N s\|min\|h` nor five or six cron fields/);
    assert.match(problem('61 * * * *'), /`61 \* \* \* \*` is not one: .*minute/);
    assert.match(problem('0 0 31 2 *'), /never comes due/);
    assert.match(problem('30 2 * * *', 'Mars/Olympus'), /`Mars\/Olympus` is not a time zone/);
  });

  test('that would depend on the moment it is read is not one', () => {
    assert.match(problem('? * * * *'), /neither/);
    assert.match(problem('@reboot'), /neither/);
    assert.match(problem('0 0 1 1 * * 2030'), /neither/);
    assert.match(problem('2026-02-01T00:00:00'), /neither/);
  });
});

describe('daylight saving time in New York', () => {
  test('02:30 on the night that has none comes due once, at the first moment after the gap', () => {
    assert.deepEqual(times('30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 3), [
      '2026-03-08T07:00:00Z',
      '2026-03-09T06:30:00Z',
      '2026-03-10T06:30:00Z',
    ]);
  });

  test('several times in the missing hour are one run, not none', () => {
    assert.deepEqual(times('0,15,30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 2), [
      '2026-03-08T07:00:00Z',
      '2026-03-09T06:00:00Z',
    ]);
  });

  test('01:30 on the night that has two comes due once', () => {
    assert.deepEqual(times('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2), [
      '2026-11-01T05:30:00Z',
      '2026-11-02T06:30:00Z',
    ]);
    // Wherever between the two the scheduler looks, the second is not due.
    for (const from of ['05:30:00.050', '05:45:00', '06:00:00', '06:29:59.999', '06:30:00']) {
      assert.deepEqual(times('30 1 * * *', 'America/New_York', `2026-11-01T${from}Z`, 1), ['2026-11-02T06:30:00Z']);
    }
  });

  test('a list of times in the repeated hour comes due once each', () => {
    assert.deepEqual(times('0,30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 3), [
      '2026-11-01T05:00:00Z',
      '2026-11-01T05:30:00Z',
      '2026-11-02T06:00:00Z',
    ]);
  });

  test('an hourly job runs every real hour through both nights', () => {
    assert.deepEqual(times('30 * * * *', 'America/New_York', '2026-11-01T04:00:00Z', 4), [
      '2026-11-01T04:30:00Z',
      '2026-11-01T05:30:00Z',
      '2026-11-01T06:30:00Z',
      '2026-11-01T07:30:00Z',
    ]);
    assert.deepEqual(times('30 * * * *', 'America/New_York', '2026-03-08T06:00:00Z', 3), [
      '2026-03-08T06:30:00Z',
      '2026-03-08T07:30:00Z',
      '2026-03-08T08:30:00Z',
    ]);
  });

  test('the next due time is later than the time asked about, grows with it, and is due when it is there', () => {
    const zones = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Havana', 'UTC'];
    const texts = [
      '30 1 * * *',
      '30 2 * * *',
      '0,30 1 * * *',
      '30 0-3 * * *',
      '*/20 1,2 * * *',
      '30 * * * *',
      'every 7 h',
    ];
    const nights = ['2026-03-08', '2026-11-01', '2026-03-29', '2026-10-25', '2026-04-05', '2026-10-04'];
    const moment = fc
      .tuple(
        fc.constantFrom(...nights),
        fc.integer({ min: -12 * 3600, max: 24 * 3600 }),
        fc.integer({ min: 0, max: 999 }),
      )
      .map(([night, seconds, ms]) => at(`${night}T00:00:00Z`) + seconds * 1000 + ms);
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...texts),
        moment,
        fc.integer({ min: 1, max: 8 * 3_600_000 }),
        (zone, text, from, laterMs) => {
          const one = schedule(text, zone);
          const due = nextDueMs(one, newYear, from);
          assert.ok(due !== null && due > from);
          assert.equal(nextDueMs(one, newYear, due - 1), due);
          const later = nextDueMs(one, newYear, from + laterMs);
          assert.ok(later !== null && (from + laterMs < due ? later === due : later > due));
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('a plan', () => {
  const job = (over: Partial<Planned> = {}): Planned => ({
    key: 'operator.nightly',
    vm: 'web',
    paused: false,
    schedule: schedule('every 5 s'),
    createdAtMs: 0,
    plannedUntilMs: 0,
    open: null,
    ...over,
  });
  const none = new Set<string>();

  test('wakes when the first job comes due, and starts it then', () => {
    assert.deepEqual(plan([job(), job({ key: 'b', plannedUntilMs: 5_000 })], none, 4_999), {
      start: [],
      takeOver: [],
      wakeAtMs: 5_000,
    });
    assert.deepEqual(plan([job()], none, 5_000).start, [{ key: 'operator.nightly', dueAtMs: 5_000 }]);
  });

  test('starts one run however many due times have passed, and counts on from there', () => {
    const nowMs = 3_600_123;
    assert.equal(plan([job()], none, nowMs).start.length, 1);
    const claimed = plan([job({ plannedUntilMs: nowMs })], none, nowMs);
    assert.deepEqual(claimed, { start: [], takeOver: [], wakeAtMs: 3_605_000 });
  });

  test('never starts a job whose run is open, nor one that is paused', () => {
    const open = plan([job({ open: { aliveUntilMs: 90_000 } })], none, 60_000);
    assert.deepEqual(open, { start: [], takeOver: [], wakeAtMs: 90_000 });
    assert.deepEqual(plan([job({ paused: true })], none, 60_000), { start: [], takeOver: [], wakeAtMs: null });
  });

  test('takes over a run whose runner is no more', () => {
    assert.deepEqual(plan([job({ open: { aliveUntilMs: 60_000 } })], none, 60_000).takeOver, ['operator.nightly']);
  });

  test('starts one job per VM, the longest due first', () => {
    const jobs = [job({ key: 'late', plannedUntilMs: 5_000 }), job({ key: 'early' }), job({ key: 'other', vm: 'db' })];
    assert.deepEqual(
      plan(jobs, none, 10_000).start.map(({ key }) => key),
      ['early', 'other'],
    );
    assert.deepEqual(
      plan(jobs, new Set(['web']), 10_000).start.map(({ key }) => key),
      ['other'],
    );
  });

  test('a job planned step by step with a clock runs once per period, whatever its runs take', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 40 }), (steps) => {
        let one = job();
        let nowMs = 0;
        let runs = 0;
        for (const stepMs of steps) {
          nowMs += stepMs;
          const { start } = plan([one], none, nowMs);
          assert.ok(start.length <= 1);
          if (start.length === 1) {
            assert.ok(start[0]!.dueAtMs <= nowMs && start[0]!.dueAtMs > one.plannedUntilMs);
            runs += 1;
            one = { ...one, plannedUntilMs: nowMs };
          }
        }
        assert.ok(runs <= Math.floor(nowMs / 5_000));
        assert.ok(nowMs < 5_000 || runs > 0);
      }),
    );
  });
});
