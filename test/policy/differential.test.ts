import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { compareAnswers, comparePolicy } from '../differential/compare.ts';
import { runRandom } from '../differential/random-run.ts';
import { shrinkLines } from '../differential/shrink.ts';
import { compile, withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import { handWritten } from '../support/policy/hand-written.ts';
import { mustLoad } from '../support/policy/load.ts';
import { randomQuestions } from '../support/policy/random-questions.ts';
import { sediff } from '../support/policy/setools.ts';
import { smallPolicy } from '../support/policy/small-policy.ts';

const queries = 6000;

describe('the engine answers as libsepol does', () => {
  for (const [name, policy] of Object.entries(handWritten)) {
    it(`on the hand-written policy "${name}"`, () => {
      const compared = comparePolicy(policy.text, policy.mls, randomQuestions(policy, 1, 1500));
      assert.equal(compared.outcome, 'asked');
      assert.deepEqual(compared.differences, []);
    });
  }

  it(`in ${queries} random questions to random policies, and refuses what checkpolicy refuses`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'carnet-differential-'));
    const shown: number[] = [];
    const result = runRandom({ queries, seed: 1, folder, progress: (done) => shown.push(done.queries) });
    // Where something differs the shrunk policy is what one wants to see: it stays.
    assert.deepEqual(result.differences, []);
    rmSync(folder, { recursive: true });
    assert.equal(result.queries, queries);
    assert.ok(result.refused > 0 && result.policies > 5);
    assert.equal(shown.at(-1), queries);
    for (const kind of [
      'context',
      'av',
      'transition',
      'change',
      'member',
      'validate',
      'validate denied',
      'change ERR',
    ]) {
      assert.ok((result.telling[kind] ?? 0) > 5, `${kind}: ${result.telling[kind] ?? 0} answers say something`);
    }
  });
});

describe('what compares the two', () => {
  it('sees an answer that differs, and the booleans on the way to it', () => {
    withTemporaryFolder((folder) => {
      const always = 'allow user_t disk:vm stop;';
      const other = smallPolicy({ rules: `${always} if (off) { allow user_t disk:file read; }` });
      assert.ok(compile(folder, other, true).ok);
      const ours = mustLoad(smallPolicy({ rules: always }));
      const [source, target] = ['user_u:user_r:user_t:s0', 'system_u:object_r:virtdisk_t:s0'];
      const flip = { ask: 'bool', name: 'off', value: true } as const;
      const question = { ask: 'av', source, target, tclass: 'file' } as const;
      const { answers, differences } = compareAnswers(folder, true, ours, [question, flip, question]);
      assert.deepEqual(answers, ['', '', 'read']);
      assert.deepEqual(differences, [{ question, before: [flip], libsepol: 'read', engine: '' }]);
    });
  });

  it('sees a policy that only one of the two takes', () => {
    const compared = comparePolicy(smallPolicy({ rules: 'policycap made_up_later;' }), true, []);
    assert.equal(compared.outcome, 'refused');
    // Known since libsepol 3.11, and so to the engine.
    const later = comparePolicy(smallPolicy({ rules: 'policycap functionfs_seclabel;' }), true, []);
    assert.equal(later.outcome, 'verdicts differ');
  });

  it('knows that sediff is silent about equal policies only', () => {
    withTemporaryFolder((folder) => {
      const binary = join(folder, 'policy.bin');
      const first = join(folder, 'first.bin');
      assert.ok(compile(folder, smallPolicy({ rules: 'allow user_t disk:file read;' }), true).ok);
      renameSync(binary, first);
      assert.ok(compile(folder, smallPolicy({ rules: 'allow user_t virtdisk_t:file read;' }), true).ok);
      assert.equal(sediff(first, first), '');
      assert.equal(sediff(first, binary), '');
      assert.ok(compile(folder, smallPolicy({ rules: 'allow user_t disk:file { read write };' }), true).ok);
      assert.match(sediff(first, binary), /1 Modified/);
    });
  });

  it('shrinks a text to the lines that are needed', () => {
    const lines = Array.from({ length: 100 }, (_, at) => `line ${at}`);
    const small = shrinkLines(lines.join('\n'), (text) => /line 17\n/.test(text) && text.includes('line 80'));
    assert.equal(small, 'line 17\nline 80');
  });
});
