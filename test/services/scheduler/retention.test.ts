import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { retain } from '../../../services/scheduler/retention.ts';
import type { CheckpointId } from '../../../shared/ids.ts';
import { checkpointSummary } from '../../../shared/messages/view.ts';
import { check } from '../../../shared/schema/schema.ts';

const id = (n: number) => `cp-${String(n).padStart(26, '0')}` as CheckpointId;
function summary(n: number, over: object = {}) {
  const checked = check(checkpointSummary, {
    checkpoint: id(n),
    vm: 'web',
    host: 'alpha',
    takenAtMs: n * 1000,
    takenFor: 'operator',
    job: 'often',
    label: 'system_u:object_r:vm_state_t',
    bytes: 4096,
    ...over,
  });
  assert.ok(checked.ok, checked.ok ? '' : checked.problems.join());
  return checked.value;
}
const rule = { job: 'often', client: 'operator', vm: 'web', keepLast: 2, justTaken: id(9) };
const removed = (verdicts: ReturnType<typeof retain>) =>
  verdicts.filter(({ keep }) => !keep).map(({ checkpoint }) => checkpoint.checkpoint);

describe('keep-last', () => {
  test('keeps the newest and removes the others, each with its reason', () => {
    const verdicts = retain(rule, [summary(7), summary(9), summary(6), summary(8)]);
    assert.deepEqual(
      verdicts.map(({ checkpoint, keep, reason }) => [checkpoint.checkpoint, keep, reason]),
      [
        [id(9), true, 'last 1/2'],
        [id(8), true, 'last 2/2'],
        [id(7), false, 'older than the last 2'],
        [id(6), false, 'older than the last 2'],
      ],
    );
  });

  test('never touches what another job, another client or a person took, nor another VM', () => {
    const { job: _job, ...byHand } = summary(1);
    const others = [
      byHand,
      summary(2, { job: 'other' }),
      summary(3, { takenFor: 'monitor' }),
      summary(4, { vm: 'db' }),
    ];
    assert.deepEqual(
      retain({ ...rule, keepLast: 1 }, [...others, summary(5), summary(9)]).map((v) => v.checkpoint.checkpoint),
      [id(9), id(5)],
    );
  });

  test('keeps the checkpoint of the run, even where the clock of its host is behind', () => {
    const verdicts = retain({ ...rule, keepLast: 1 }, [summary(8), summary(9, { takenAtMs: 1 })]);
    assert.deepEqual(removed(verdicts), [id(8)]);
  });

  const some = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 30 });
  const oneOf = fc.record({
    numbers: some,
    foreign: some,
    keepLast: fc.integer({ min: 1, max: 12 }),
    skewMs: fc.integer({ min: -60_000, max: 60_000 }),
  });
  const listOf = ({ numbers, foreign, skewMs }: { numbers: number[]; foreign: number[]; skewMs: number }) => [
    ...numbers.map((n) => summary(n, n % 2 === 0 ? { host: 'beta', takenAtMs: Math.max(0, n * 1000 + skewMs) } : {})),
    ...foreign.map((n) => summary(n + 100, { job: 'other' })),
  ];

  test('keeps min(keepLast, all), never the newest goes, and every removed one has keepLast newer ones', () => {
    fc.assert(
      fc.property(oneOf, (input) => {
        const verdicts = retain({ ...rule, keepLast: input.keepLast }, listOf(input));
        const kept = verdicts.filter(({ keep }) => keep).map(({ checkpoint }) => checkpoint);
        assert.equal(verdicts.length, input.numbers.length);
        assert.equal(kept.length, Math.min(input.keepLast, input.numbers.length));
        for (const { checkpoint, keep, reason } of verdicts) {
          assert.notEqual(reason, '');
          if (keep) continue;
          assert.notEqual(checkpoint.checkpoint, rule.justTaken);
          const newer = kept.filter(
            (one) => one.takenAtMs >= checkpoint.takenAtMs || one.checkpoint === rule.justTaken,
          );
          assert.equal(newer.length, input.keepLast);
        }
      }),
    );
  });

  test('removes nothing more when a host does not answer, and nothing twice', () => {
    fc.assert(
      fc.property(oneOf, (input) => {
        const one = { ...rule, keepLast: input.keepLast };
        const all = listOf(input);
        const everything = new Set(removed(retain(one, all)));
        const seen = all.filter(({ host }) => host === 'alpha');
        for (const checkpoint of removed(retain(one, seen))) assert.ok(everything.has(checkpoint));
        const left = all.filter(({ checkpoint }) => !everything.has(checkpoint));
        assert.deepEqual(removed(retain(one, left)), []);
        assert.deepEqual(retain(one, [...all, ...all]), retain(one, all));
      }),
    );
  });
});
