import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addRun, fitting, historyBytesMax, runsRecord } from '../../../services/scheduler/history.ts';
import { briefRefusal } from '../../../services/scheduler/refusal.ts';
import { encode } from '../../../shared/codec/codec.ts';
import { limits } from '../../../shared/limits.ts';
import type { RunView } from '../../../shared/messages/job.ts';
import { check } from '../../../shared/schema/schema.ts';
import { aDecision, missingRule } from './support/decision.ts';

const run = (n: number, outcome: RunView['outcome'] = { is: 'skipped', reason: 'web is stopped' }): RunView => ({
  run: n,
  trigger: 'schedule',
  dueAtMs: n,
  startedAtMs: n,
  endedAtMs: n,
  host: null,
  outcome,
  removed: [],
  kept: [],
});
const history = (runs: RunView[]) => runs.reduce(addRun, { runs: [] as RunView[] });

describe('a history of runs', () => {
  test('holds the last runs, newest first', () => {
    const { runs } = history(Array.from({ length: limits.runsPerJob + 5 }, (_, i) => run(i + 1)));
    assert.equal(runs.length, limits.runsPerJob);
    assert.equal(runs[0]?.run, limits.runsPerJob + 5);
    assert.equal(runs.at(-1)?.run, 6);
  });

  test('is the same when a run is stored twice', () => {
    const once = history([run(1), run(2)]);
    assert.deepEqual(addRun(once, run(2)), once);
  });

  test('keeps of a refusal what was answered no, with the missing rule, and no more than a history can hold', () => {
    const brief = briefRefusal(aDecision('refused'));
    assert.deepEqual(
      brief.questions.map(({ allowed, missing }) => ({ allowed, missing })),
      [{ allowed: false, missing: missingRule }],
    );
  });

  test('never outgrows a frame, however large its runs are', () => {
    const decision = aDecision('refused');
    const question = decision.questions[1]!;
    const large = {
      ...decision,
      questions: Array(64).fill({ ...question, missing: 'x'.repeat(limits.ruleTextLength) }),
    };
    const stored = history(
      Array.from({ length: limits.runsPerJob }, (_, i) => run(i + 1, { is: 'refused', decision: briefRefusal(large) })),
    );
    assert.ok(encode(stored).length < historyBytesMax + 1024);
    assert.ok(stored.runs.length >= 5);
    assert.equal(stored.runs[0]?.run, limits.runsPerJob);
    assert.ok(check(runsRecord, stored).ok);
  });

  test('always answers with the newest run', () => {
    assert.deepEqual(fitting([run(2), run(1)], 1), [run(2)]);
  });
});
