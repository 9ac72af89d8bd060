import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPolicyFile } from '../../policy/read-policy-file.ts';
import { differencesFrom } from '../differential/compare.ts';
import { ruleQuestions } from '../differential/rule-questions.ts';
import { countTelling } from '../differential/telling.ts';
import { askLibsepol, withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import { cachedDebianPolicy } from '../support/policy/debian.ts';
import { namesOf } from '../support/policy/names-of.ts';

const queries = 3000;
const debian = cachedDebianPolicy('default');
/** setup.sh makes it where the package can be had; `npm run differential -- --debian` asks more, of two policies. */
const options = debian === undefined ? { skip: 'Debian’s policy could not be made on this machine' } : {};

test(
  `Debian's policy loads, from source and binary, and answers ${queries} questions as libsepol does`,
  options,
  () => {
    if (debian === undefined) return;
    const [source, binary] = [readPolicyFile(debian.source), readPolicyFile(debian.binary)];
    assert.ok(source.ok && binary.ok);
    const names = namesOf(readFileSync(debian.source, 'utf8'), source.policy);
    const questions = ruleQuestions(source.policy, names, 1, queries);
    withTemporaryFolder((folder) => {
      copyFileSync(debian.binary, join(folder, 'policy.bin'));
      const answers = askLibsepol(folder, true, questions);
      for (const { policy } of [source, binary]) assert.deepEqual(differencesFrom(answers, policy, questions), []);
      const telling = new Map<string, number>();
      countTelling(telling, questions, answers);
      assert.ok(
        (telling.get('av') ?? 0) > queries / 4,
        `${telling.get('av') ?? 0} questions about access have an answer`,
      );
    });
  },
);
