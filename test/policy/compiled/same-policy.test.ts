import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadBinary } from '../../../policy/binary/load-binary.ts';
import { compilePolicy } from '../../../policy/compiled/compile.ts';
import { readAnswers } from '../../../policy/compiled/content.ts';
import { openForm } from '../../../policy/compiled/open.ts';
import { partsOf } from '../../../policy/decide/create-policy.ts';
import { loadPolicy } from '../../../policy/load.ts';
import type { Loaded } from '../../../policy/policy.ts';
import { shippedText } from '../../support/gate/shipped.ts';
import { askEngine } from '../../support/policy/ask-engine.ts';
import { mustCompile } from '../../support/policy/binary.ts';
import { everything } from '../../support/policy/everything.ts';
import { handWritten } from '../../support/policy/hand-written.ts';
import { randomPolicy } from '../../support/policy/random-policy.ts';
import { randomQuestions } from '../../support/policy/random-questions.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const path = 'policy.conf';
const digest = '0'.repeat(64);

function throughForm(source: Uint8Array): Loaded {
  const compiled = compilePolicy(source, digest);
  assert.ok(compiled.ok, 'it does not compile');
  const { first, second } = compiled.form;
  const form = { first, answers: readAnswers(first), second: () => second };
  return openForm(form, { path, digest, source: () => source }, {});
}

/** The database without the room its columns have left, and every statement described. */
function seen(loaded: Loaded) {
  assert.ok(loaded.ok);
  const { db, describe: describeOne } = partsOf(loaded.policy);
  const tidy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    const entries = Object.entries(value as Record<string, unknown>);
    const column = value as { data?: unknown; length?: unknown };
    if (column.data instanceof Int32Array) return column.data.slice(0, Number(column.length));
    return Object.fromEntries(entries.map(([key, one]) => [key, tidy(one)]));
  };
  const statements = db.spans.starts.map((_, statement) => describeOne(statement));
  return { db: tidy({ ...db, spans: { ...db.spans } }), statements, warnings: loaded.warnings };
}

function assertSame(text: string): void {
  const source = new Uint8Array(Buffer.from(text));
  assert.deepEqual(seen(throughForm(source)), seen(loadPolicy([{ file: path, text }])));
}

describe('a compiled policy is the policy it was compiled from', () => {
  for (const [name, { text }] of Object.entries({ ...handWritten, everything })) {
    it(`for the hand-written policy "${name}"`, () => assertSame(text));
  }

  it('for the shipped policy', async () => assertSame(await shippedText()));

  it('for random policies', () => {
    let taken = 0;
    for (let seed = 1; taken < 5; seed++) {
      const { text } = randomPolicy(seed);
      if (!loadPolicy(text).ok) continue;
      assertSame(text);
      taken++;
    }
  });

  it('when `#line` names other files, and when the source is not plain ASCII', () => {
    const rules =
      '# größer als\n#line 7 "rules.te"\nallow user_t other_t:file read;\n#line 3 "more.te"\n# ünd\nallow user_t other_t:file write;';
    assertSame(smallPolicy({ rules }));
    const loaded = throughForm(new Uint8Array(Buffer.from(smallPolicy({ rules }))));
    assert.ok(loaded.ok);
    const { granting } = loaded.policy.explain(
      'user_u:user_r:user_t:s0',
      'system_u:object_r:other_t:s0',
      'file',
      'write',
    );
    assert.deepEqual(granting, [{ file: 'more.te', line: 4, text: 'allow user_t other_t:file write;' }]);
  });

  it('for a binary policy', () => {
    const bytes = mustCompile(everything.text);
    assert.deepEqual(seen(throughForm(bytes)), seen(loadBinary(bytes, path)));
  });

  it('and answers the same', () => {
    const source = new Uint8Array(Buffer.from(everything.text));
    const [compiled, plain] = [throughForm(source), loadPolicy(everything.text)];
    assert.ok(compiled.ok && plain.ok);
    const questions = randomQuestions(everything, 11, 1500);
    assert.deepEqual(askEngine(compiled.policy, questions), askEngine(plain.policy, questions));
  });

  it('and warns of the same, in the file it was opened as', () => {
    const source = smallPolicy({ constraints: 'constrain file ~{ read write getattr execute } ( u1 == u2 );' });
    const loaded = throughForm(new Uint8Array(Buffer.from(source)));
    assert.deepEqual(loaded.ok && loaded.warnings.map(({ file, line }) => [file, line > 0]), [[path, true]]);
  });
});
