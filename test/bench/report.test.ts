import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inTurns, median } from './measure.ts';
import { type Figure, isMet, ratioOf, toJson, toText } from './report.ts';

const against: Figure = {
  name: 'compile',
  unit: 'ms',
  ours: 1500,
  theirs: 1000,
  against: 'checkpolicy',
  aim: { of: 'ratio', atMost: 1 },
};
const alone: Figure = { name: 'cached', unit: 'ns', ours: 27.46, aim: { of: 'ours', atMost: 50 } };
const report = { area: 'policy', figures: [against, alone], skipped: [{ name: 'reload', why: 'no threads' }] };

describe('a report of measurements', () => {
  it('has the ratio of what was measured in turns, and says whether the aim is met', () => {
    assert.equal(ratioOf(against), 1.5);
    assert.equal(isMet(against), false);
    assert.equal(ratioOf(alone), undefined);
    assert.equal(isMet(alone), true);
    assert.equal(isMet({ ...against, aim: { of: 'ours', atMost: 1500 } }), true);
    assert.equal(isMet({ name: 'x', unit: 'ms', ours: 1 }), undefined);
    assert.equal(isMet({ ...alone, aim: { of: 'ratio', atMost: 1 } }), undefined);
  });

  it('is read by people', () => {
    assert.equal(
      toText(report),
      `policy:
compile  1500 ms  checkpolicy 1000 ms  1.50×  aim ≤ 1 ×    missed
cached   27.5 ns                              aim ≤ 50 ns  met
reload: not measured, no threads
`,
    );
  });

  it('is read by programs', () => {
    const read = JSON.parse(toJson(report));
    assert.deepEqual(read.figures[0], { ...against, ratio: 1.5, met: false });
    assert.deepEqual(read.skipped, report.skipped);
  });
});

describe('measuring', () => {
  it('takes the middle, or the mean of the two in the middle', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 30]), 3);
    assert.equal(median([10, 9, 100]), 10);
  });

  it('lets each go first as often as the other', () => {
    const order: string[] = [];
    const run = (name: string, values: number[]) => () => {
      order.push(name);
      return values.shift() ?? 0;
    };
    const result = inTurns(4, run('o', [1, 2, 3, 4]), run('t', [5, 6, 7, 8]));
    assert.equal(order.join(''), 'ottootto');
    assert.deepEqual(result, { ours: 2.5, theirs: 6.5 });
  });
});

describe('the command', () => {
  it('refuses an area it does not have', () => {
    for (const args of [[], ['nothing'], ['__proto__'], ['policy', 'more']]) {
      const run = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });
      assert.equal(run.status, 2);
      assert.match(run.stderr, /usage: npm run bench/);
    }
  });
});
