import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Statement } from '../../../policy/language/ast.ts';
import { PolicyParser, parseStatements } from '../../../policy/language/grammar/policy.ts';
import { scan } from '../../../policy/language/scan.ts';
import { handWritten } from '../../support/policy/hand-written.ts';
import { randomPolicy } from '../../support/policy/random-policy.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

/** The statements as the grammar alone reads them, and its error. */
function byGrammar(text: string): ReturnType<typeof parseStatements> {
  const parser = new PolicyParser();
  parser.takeRules = () => false;
  parser.read(scan(text));
  const statements: Statement[] = [];
  parser.policy(statements);
  const [error] = parser.errors;
  if (error === undefined) return { statements };
  const { startOffset: start, endOffset = start, image } = error.token;
  return { statements, error: { start, end: endOffset + 1, found: image, message: error.message } };
}

const same = (text: string): void => assert.deepEqual(parseStatements(scan(text)), byGrammar(text));

describe('rules that are read without the grammar', () => {
  it('are read as the grammar reads them, in whole policies', () => {
    for (const { text } of Object.values(handWritten)) same(text);
    for (let seed = 1; seed <= 15; seed++) same(randomPolicy(seed).text);
  });

  it('are read as the grammar reads them, whatever they are made of', () => {
    const word = fc.constantFrom(
      'a',
      'b',
      'self',
      '{ a b }',
      '{ a -b }',
      'a -b',
      '*',
      '~a',
      '{ }',
      'file',
      '"n"',
      ':',
      ';',
    );
    const kind = fc.constantFrom(
      'allow',
      'dontaudit',
      'auditallow',
      'neverallow',
      'type_transition',
      'type_change',
      'ALLOW',
    );
    const rule = fc
      .tuple(kind, word, word, fc.constantFrom(':', ' : ', ' '), word, word, fc.constantFrom(';', ';;', '', ' "n";'))
      .map(
        ([first, source, target, colon, classes, perms, end]) =>
          `${first} ${source} ${target}${colon}${classes} ${perms}${end}`,
      );
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), fc.constantFrom('', 'if (on) {', 'optional {'), (rules, around) => {
        same(smallPolicy({ rules: `${around} ${rules.join('\n')} ${around === '' ? '' : '}'}` }));
      }),
      { numRuns: 200 },
    );
  });

  it('make one object of equal sets', () => {
    const text = smallPolicy({ rules: 'allow a { b c }:d { e f }; allow a { b c }:d { e g };' });
    const [one, other] = parseStatements(scan(text)).statements.filter(({ kind }) => kind === 'avRule');
    assert.ok(one?.kind === 'avRule' && other?.kind === 'avRule');
    assert.equal(one.target, other.target);
    assert.equal(one.source, other.source);
    assert.notEqual(one.perms, other.perms);
  });
});

describe('the grammar', () => {
  it('is in order: no alternative hides another, nothing is left-recursive', () => {
    assert.doesNotThrow(() => new PolicyParser(true));
  });
});
