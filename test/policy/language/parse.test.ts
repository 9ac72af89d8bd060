import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Statement } from '../../../policy/language/ast.ts';
import { nestingMax, parsePolicy } from '../../../policy/language/parse.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

/** The statement the text adds to the rules of the small policy. */
function parseRule(text: string): Statement & Record<string, unknown> {
  const { statements, diagnostics, source } = parsePolicy([{ file: 'p', text: smallPolicy({ rules: text }) }]);
  assert.deepEqual(diagnostics.found, []);
  const found = statements.find(({ start, end }) => source.text.slice(start, end) === text);
  assert.ok(found !== undefined, 'no statement spans the text');
  return found as Statement & Record<string, unknown>;
}

/** The condition in postfix order. */
function condition(text: string): string {
  const statement = parseRule(`if (${text}) { }`);
  assert.ok(statement.kind === 'if');
  return statement.condition.map((term) => (term.op === 'bool' ? term.name : term.op)).join(' ');
}

describe('the parser', () => {
  it('keeps sets as they are written, nested ones flattened', () => {
    const rule = parseRule('allow { domain -user_t { other_t } } ~{ a b }:file *;');
    assert.deepEqual(rule['source'], { form: 'list', names: ['domain', 'other_t'], except: ['user_t'] });
    assert.deepEqual(rule['target'], { form: 'complement', names: ['a', 'b'], except: [] });
    assert.deepEqual(rule['perms'], { form: 'all', names: [], except: [] });
  });

  it('tells a role allow from an access rule', () => {
    assert.equal(parseRule('allow user_r system_r;').kind, 'roleAllow');
    assert.equal(parseRule('allow user_t system_t:file read;').kind, 'avRule');
  });

  it('reads a file name without its quotes', () => {
    assert.equal(parseRule('type_transition a b:file c "n a.me";')['fileName'], 'n a.me');
  });

  it('binds equality tighter than not, and then and, xor, or', () => {
    assert.equal(condition('a && b == c'), 'a b c eq and');
    assert.equal(condition('! a == b'), 'a b eq not');
    assert.equal(condition('a || b ^ c && d'), 'a b c d and xor or');
    assert.equal(condition('a == ! b == c'), 'a b c eq not eq');
    assert.equal(condition('! ! (a || b) && c'), 'a b or not not c and');
  });

  it('puts a syntax error where the token stands, in the file and line of #line', () => {
    const text = smallPolicy({ rules: '#line 7 "some.te"\n\n  allow a b file read;' });
    const [found] = parsePolicy([{ file: 'p.conf', text }]).diagnostics.found;
    assert.equal(found?.file, 'some.te');
    assert.equal(found?.line, 8);
    assert.equal(found?.column, 13);
    assert.equal(text.slice(found?.span.start, found?.span.end), 'file');
    assert.match(found?.message ?? '', /unexpected `file`/);
  });

  it('reads commands as ranges, nested sets flattened', () => {
    const rule = parseRule('allowxperm a b:c ioctl ~{ 0x10-0x20 { 5 } 010 };');
    assert.deepEqual(rule['xperms'], {
      form: 'complement',
      ranges: [
        { low: 16, high: 32 },
        { low: 5, high: 5 },
        { low: 8, high: 8 },
      ],
    });
    assert.equal(rule['operation'], 'ioctl');
  });

  it('keeps optionals as they nest, their users last', () => {
    const rule = parseRule(
      'optional { require { type a, b; class file { read }; } ; optional { type c; } user u roles r; } else { type d; }',
    );
    assert.ok(rule.kind === 'optional');
    assert.deepEqual(
      rule.then.map(({ kind }) => kind),
      ['require', 'optional', 'user'],
    );
    assert.deepEqual(
      rule.else?.map(({ kind }) => kind),
      ['type'],
    );
  });

  it('says what to do about a module', () => {
    const [found] = parsePolicy([{ file: 'p.conf', text: 'module m 1.0;' }]).diagnostics.found;
    assert.match(found?.hint ?? '', /link it/);
  });

  it('says where a policy ends too early', () => {
    const [found] = parsePolicy([{ file: 'p.conf', text: 'class file\n' }]).diagnostics.found;
    assert.match(found?.message ?? '', /the end of the text/);
  });

  it('counts lines and spans in the file of several that holds the statement', () => {
    const text = smallPolicy();
    const cut = text.indexOf('attribute domain;');
    const files = [
      { file: 'one', text: text.slice(0, cut) },
      { file: 'two', text: `\n${text.slice(cut)}` },
    ];
    const { statements, source } = parsePolicy(files);
    const attribute = statements.find(({ kind }) => kind === 'attribute');
    assert.deepEqual(source.locate(attribute?.start ?? 0), { file: 'two', line: 2, column: 1, offset: 1 });
  });

  it('does not carry a #line of one file into the next', () => {
    const text = smallPolicy();
    const cut = text.indexOf('attribute domain;');
    const files = [
      { file: 'one', text: `${text.slice(0, cut)}#line 50 "else"` },
      { file: 'two', text: text.slice(cut) },
    ];
    const { statements, source } = parsePolicy(files);
    const attribute = statements.find(({ kind }) => kind === 'attribute');
    assert.equal(source.locate(attribute?.start ?? 0).file, 'two');
    assert.equal(source.locate(attribute?.start ?? 0).line, 1);
  });

  it(`takes brackets ${nestingMax} deep and no deeper`, () => {
    const nested = (depth: number) =>
      smallPolicy({ rules: `allow ${'{'.repeat(depth)} user_t ${'}'.repeat(depth)} other_t:file read;` });
    assert.equal(parsePolicy([{ file: 'p', text: nested(nestingMax) }]).diagnostics.errors, 0);
    assert.equal(parsePolicy([{ file: 'p', text: nested(nestingMax + 1) }]).diagnostics.errors, 1);
  });
});
