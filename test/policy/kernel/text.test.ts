import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  encodeFileName,
  isContextForm,
  parseAccess,
  parseBoolean,
  parseContext,
  parseCount,
} from '../../../policy/kernel/text.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

/** As the kernel decodes a name (selinuxfs.c, sel_write_create). */
const kernelDecodes = (text: string): string =>
  Buffer.from(
    text.replaceAll('+', ' ').replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');

describe('what is said to the kernel', () => {
  it('is a name of a file that the kernel decodes to the same, in one word', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (name) => {
        const encoded = encodeFileName(name);
        if (name.includes('\0') || Buffer.byteLength(name) > 255) return encoded === undefined;
        return encoded !== undefined && /^[!-~]+$/.test(encoded) && kernelDecodes(encoded) === name;
      }),
    );
  });

  it('is no name that no file has', () => {
    for (const name of ['', 'a\0b', 'x'.repeat(256), '\ud800']) assert.equal(encodeFileName(name), undefined);
  });
});

describe('what the kernel says', () => {
  it('is an access vector in its one form', () => {
    assert.deepEqual(parseAccess('3 ffffffff 80000000 fffffffe 7 1'), {
      allowed: 3,
      auditallow: 0x80000000 | 0,
      auditdeny: -2,
      seqno: 7,
      permissive: true,
    });
    assert.equal(parseAccess('0 0 0 0 4294967296 0'), undefined);
  });

  it('is a context, a number or a boolean, or none of them', () => {
    assert.equal(parseContext('a:b:c:s0\0'), 'a:b:c:s0');
    assert.equal(parseContext('a:b:c:s0'), 'a:b:c:s0');
    assert.equal(parseCount(bytes('33'), 33), 33);
    assert.equal(parseCount(bytes('33\n'), 32), undefined);
    assert.equal(parseCount(bytes('0x1'), 32), undefined);
    assert.deepEqual(
      ['1 0', '0 1', '2 2', '1', ''].map((text) => parseBoolean(bytes(text))),
      [true, false, undefined, undefined, undefined],
    );
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const context = parseContext(text);
        assert.ok(context === undefined || isContextForm(context));
        const access = parseAccess(text);
        assert.ok(access === undefined || (access.seqno >= 0 && access.seqno <= 0xffffffff));
      }),
    );
  });
});
