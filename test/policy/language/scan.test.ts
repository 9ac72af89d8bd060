import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { scan } from '../../../policy/language/scan.ts';
import { tokenTypeOfKind } from '../../../policy/language/tokens.ts';

/** The tokens as `kind text`. */
function words(text: string): string[] {
  const tokens = scan(text);
  return Array.from({ length: tokens.count }, (_, index) => {
    const kind = tokenTypeOfKind[tokens.kinds[index] ?? 0]?.LABEL;
    const image = text.slice(tokens.starts[index], tokens.ends[index]);
    return kind === image ? image : `${kind} ${image}`;
  });
}

describe('the scanner', () => {
  it('keeps dashes and single dots inside a name, and ends it before two dots', () => {
    assert.deepEqual(words('s0-s1 c0.c3 a_t-b_t x. y..z'), [
      'identifier s0-s1',
      'identifier c0.c3',
      'identifier a_t-b_t',
      'identifier x',
      '.',
      'identifier y',
      '.',
      '.',
      'identifier z',
    ]);
  });

  it('knows keywords all-lower and all-upper only', () => {
    assert.deepEqual(words('allow ALLOW Allow allow_ low-high r2'), [
      'allow',
      'allow ALLOW',
      'identifier Allow',
      'identifier allow_',
      'low-high',
      'r2',
    ]);
  });

  it('takes the longest keyword', () => {
    assert.deepEqual(words('type type_transition types typealias'), ['type', 'type_transition', 'types', 'typealias']);
  });

  it('reads operators in both spellings', () => {
    assert.deepEqual(words('== eq != && and || or ! not ^ xor'), [
      '==',
      '== eq',
      '!=',
      '&&',
      '&& and',
      '||',
      '|| or',
      '!',
      '! not',
      '^',
      '^ xor',
    ]);
  });

  it('tells numbers, addresses, file systems and versions apart by the longest match', () => {
    assert.deepEqual(words('80 0x1F 9p 127.0.0.1 1.2 fe80::1 ::1 fe:ed:x'), [
      'number 80',
      'number 0x1F',
      'fileSystem 9p',
      'ipv4 127.0.0.1',
      'versionNumber 1.2',
      'ipv6 fe80::1',
      'ipv6 ::1',
      'ipv6 fe:ed:',
      'identifier x',
    ]);
  });

  it('reads paths, quoted paths and file names', () => {
    assert.deepEqual(words('/dev/null "/a b" "name" ~{*}'), [
      'path /dev/null',
      'quotedPath "/a b"',
      'fileName "name"',
      '~',
      '{',
      '*',
      '}',
    ]);
  });

  it('skips comments and blanks, also at the very end', () => {
    assert.deepEqual(words('# one\n a # two\n\t b\f#'), ['identifier a', 'identifier b']);
  });

  it('makes one text of equal names', () => {
    const { atoms, atomTexts } = scan('some_t other_t some_t');
    assert.equal(atoms[0], atoms[2]);
    assert.equal(atomTexts[atoms[1] ?? 0], 'other_t');
  });

  it('reports what begins no word, and stops after twenty', () => {
    assert.deepEqual(
      scan('a _ "').faults.map(({ start }) => start),
      [2, 4],
    );
    assert.equal(scan('@'.repeat(1000)).faults.length, 21);
  });

  it('reports a word of more than 8191 characters', () => {
    assert.equal(scan('a'.repeat(8191)).faults.length, 0);
    assert.equal(scan('a'.repeat(8192)).faults[0]?.reason, 'tokenTooLong');
  });

  it('covers every character of any text once: a token, a blank, a comment or a fault', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        const tokens = scan(text);
        let end = 0;
        for (let index = 0; index < tokens.count; index++) {
          assert.ok((tokens.starts[index] ?? 0) >= end);
          end = tokens.ends[index] ?? 0;
          assert.ok(end > (tokens.starts[index] ?? 0) && end <= text.length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
