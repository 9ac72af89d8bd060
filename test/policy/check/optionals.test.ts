import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPolicy } from '../../../policy/load.ts';
import { askEngine } from '../../support/policy/ask-engine.ts';
import { askLibsepol, compile, type Question, withTemporaryFolder } from '../../support/policy/checkpolicy.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

/** Optionals whose parts give different permissions, so that an answer tells which parts are in force. */
const policies: Record<string, string> = {
  'what is required is declared': 'optional { require { type user_t; } allow user_t other_t:file read; }',
  'what is required is declared nowhere':
    'optional { require { type nope; } allow user_t other_t:file read; } else { allow user_t other_t:file write; }',
  'what is required is declared later':
    'optional { require { type late; } allow user_t other_t:file read; } type late;',
  'what is required is declared in a dropped optional':
    'optional { require { type nope; } type b_t; } optional { require { type b_t; } allow user_t other_t:file read; } else { allow user_t other_t:file execute; }',
  'optionals that need one another':
    'optional { require { type b_t; } type a_t; allow user_t other_t:file read; } optional { require { type a_t; } type b_t; allow user_t other_t:file write; }',
  'an optional in a dropped one':
    'optional { require { type nope; } optional { require { type user_t; } allow user_t other_t:file read; } else { allow user_t other_t:file write; } }',
  'an optional in an else':
    'optional { require { type user_t; } allow user_t other_t:file read; } else { optional { require { type user_t; } allow user_t other_t:file write; } }',
  'a role declared in a dropped optional':
    'optional { require { type nope; } role z_r; } optional { require { role z_r; } allow user_t other_t:file read; }',
  'a condition in a dropped optional':
    'optional { require { type nope; } if (on) { allow user_t other_t:file read; } } if (on) { allow user_t other_t:file write; }',
  'an attribute given in an optional':
    'optional { require { attribute disk; } typeattribute other_t disk; } optional { require { type nope; } typeattribute other_t domain; } allow user_t disk:file read; allow user_t domain:file write;',
  'two conditions that libsepol takes for one':
    'if (on && !off) { allow user_t other_t:file read; } if (off && !on) { allow user_t other_t:file write; }',
};

for (const nots of ['!', '! !', '! ! !', '! ! ! !', '! ! ! ! !']) {
  const [one, other] = ['allow user_t other_t:file read;', 'allow user_t other_t:file write;'];
  Object.assign(policies, {
    [`${nots} before a condition`]: `if (${nots} on) { ${one} } else { ${other} }`,
    [`${nots} before a condition with an empty first side`]: `if (${nots} on) { } else { ${one} }`,
  });
}

const questions: readonly Question[] = [
  ['on', false],
  ['off', true],
  ['on', true],
].flatMap(([name, value]) => [
  { ask: 'av', source: 'user_u:user_r:user_t:s0', target: 'system_u:object_r:other_t:s0', tclass: 'file' },
  { ask: 'bool', name: String(name), value: value === true },
]);

describe('the parts of optionals and conditions that are in force are those libsepol has', () => {
  for (const [title, rules] of Object.entries(policies)) {
    it(title, () => {
      const text = smallPolicy({ rules: `allow user_t self:file read; ${rules}` });
      const loaded = loadPolicy(text);
      assert.ok(loaded.ok, JSON.stringify(loaded.ok ? '' : loaded.diagnostics[0]));
      withTemporaryFolder((folder) => {
        assert.equal(compile(folder, text, true).ok, true);
        assert.deepEqual(askEngine(loaded.policy, questions), askLibsepol(folder, true, questions));
      });
    });
  }
});
