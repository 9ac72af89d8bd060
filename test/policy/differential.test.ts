import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPolicy } from '../../policy/load.ts';
import { askEngine } from '../support/policy/ask-engine.ts';
import { askLibsepol, compile, type Question, withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import { handWritten } from '../support/policy/hand-written.ts';
import { type RandomPolicy, randomPolicy } from '../support/policy/random-policy.ts';
import { randomQuestions } from '../support/policy/random-questions.ts';

const policies = 30;
const questionsEach = 400;

/** Puts the questions to both and answers the differences, and what libsepol answered. */
function compare(folder: string, policy: RandomPolicy, seed: number, count: number) {
  const loaded = loadPolicy(policy.text);
  assert.ok(loaded.ok);
  const questions = randomQuestions(policy, seed, count);
  const theirs = askLibsepol(folder, policy.mls, questions);
  const ours = askEngine(loaded.policy, questions);
  const differences = questions.flatMap((question, index) =>
    theirs[index] === ours[index] ? [] : [{ seed, question, libsepol: theirs[index], engine: ours[index] }],
  );
  return { questions, theirs, differences };
}

/** Answers that say something, by kind of question: a test that only sees refusals shows nothing. */
function countTelling(counts: Map<string, number>, questions: readonly Question[], answers: readonly string[]): void {
  questions.forEach((question, index) => {
    const answer = answers[index] ?? '';
    if (answer === '' || answer === 'INVALID') return;
    const kind = answer === 'denied' || answer === 'ERR' ? `${question.ask} ${answer}` : question.ask;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  });
}

describe('the engine answers as libsepol does', () => {
  for (const [name, policy] of Object.entries(handWritten)) {
    it(`on the hand-written policy "${name}"`, () => {
      withTemporaryFolder((folder) => {
        const compiled = compile(folder, policy.text, policy.mls);
        assert.ok(compiled.ok, compiled.output);
        const { differences } = compare(folder, policy, 1, 1500);
        assert.deepEqual(differences, []);
      });
    });
  }

  it(`on ${policies} random policies, each with ${questionsEach} random questions`, () => {
    const telling = new Map<string, number>();
    let taken = 0;
    for (let seed = 1; seed <= policies; seed++) {
      const policy = randomPolicy(seed);
      withTemporaryFolder((folder) => {
        const compiled = compile(folder, policy.text, policy.mls);
        const loaded = loadPolicy(policy.text);
        assert.equal(loaded.ok, compiled.ok, `seed ${seed}: ${compiled.output}`);
        if (!loaded.ok) return;
        taken++;
        const { questions, theirs, differences } = compare(folder, policy, seed, questionsEach);
        assert.deepEqual(differences, []);
        countTelling(telling, questions, theirs);
      });
    }
    assert.ok(taken >= policies / 3, `only ${taken} policies were taken`);
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
      assert.ok((telling.get(kind) ?? 0) > 5, `${kind}: ${telling.get(kind) ?? 0} telling answers`);
    }
  });
});
