import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BinaryFault, createReader, readCount, readName, readText } from '../../../policy/binary/reader.ts';
import { boundedBitmap, fitSet, readMembers, readSet } from '../../../policy/binary/sets.ts';
import { bitsOf } from '../../../policy/policydb/bitmap.ts';

/** Numbers as they stand in a binary policy. */
function words(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setUint32(index * 4, number, true);
  return bytes;
}

function faultOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof BinaryFault);
    return `${error.offset}: ${error.message}`;
  }
  return assert.fail('nothing is wrong');
}

describe('a set in a binary policy', () => {
  it('has its members in either half of its words', () => {
    const bytes = words(64, 192, 2, 0, 0x8000_0001, 1, 128, 0, 0x8000_0000);
    assert.deepEqual(readMembers(createReader(bytes), 0), [0, 31, 32, 191]);
    const reader = createReader(bytes);
    const set = readSet(reader);
    assert.equal(reader.offset, bytes.length);
    assert.deepEqual(bitsOf(fitSet(reader, set, 192, 0)), [1, 32, 33, 192]);
    assert.match(
      faultOf(() => fitSet(reader, set, 191, 7)),
      /^7: a set with member 192, where 191 is the last value/,
    );
  });

  it('is one with a set before it that has the same bytes, and with no other', () => {
    const one = [64, 64, 1, 0, 5, 0];
    const reader = createReader(words(...one, 64, 64, 1, 0, 6, 0, ...one, ...one, 64, 0, 0));
    const [first, other, , again, empty] = Array.from({ length: 5 }, () => readSet(reader));
    assert.equal(reader.offset, reader.bytes.length);
    assert.equal(again, first);
    assert.deepEqual(
      [first, other, empty].map((set) => set && bitsOf(set)),
      [[1, 3], [2, 3], []],
    );
  });

  it('is refused where its words are of another size, out of order, empty, beyond its size or missing', () => {
    const wrongs: [Uint8Array, RegExp][] = [
      [words(32, 64, 1, 0, 1, 0), /^0: .*do not have 64 bits/],
      [words(64, 65, 1, 0, 1, 0), /^0: .*impossible size/],
      [words(64, 64, 0), /^0: .*impossible size/],
      [words(64, 0, 1, 0, 1, 0), /^0: .*impossible size/],
      [words(64, 128, 2, 64, 1, 0, 0, 1, 0), /^24: .*out of order/],
      [words(64, 128, 2, 0, 1, 0, 0, 1, 0), /^24: .*out of order/],
      [words(64, 64, 1, 64, 1, 0), /^12: .*out of order/],
      [words(64, 64, 1, 0, 0, 0), /^12: an empty word/],
      [words(64, 128, 1, 0, 1, 0), /^0: .*ends before its size/],
      [words(64, 65_600, 1, 65_536, 1, 0), /^0: a set of size 65600/],
      [words(64, 64, 9, 0, 1, 0), /^8: 9 words of a set do not fit/],
      [words(64, 0xffff_ffc0, 1, 0xffff_ff80, 1, 0), /^0: a set of size/],
    ];
    assert.match(
      faultOf(() => readMembers(createReader(words(64, 65_600, 1, 65_536, 1, 0)), 0)),
      /^12: .*member 65536/,
    );
    for (const [bytes, expected] of wrongs)
      assert.match(
        faultOf(() => readSet(createReader(bytes))),
        expected,
      );
  });

  it('takes its part of a limit on all sets, however few bytes it has', () => {
    const reader = createReader(words());
    const whole = (): void => {
      for (;;) boundedBitmap(reader, 65_535);
    };
    assert.match(faultOf(whole), /the sets of the policy are too large/);
    const dense = words(64, 64, 1, 0, 0xffff_ffff, 0xffff_ffff);
    const listed = createReader(dense);
    const list = (): void => {
      for (;;) {
        listed.offset = 0;
        readMembers(listed, 1);
      }
    };
    assert.match(faultOf(list), /more than 2000000 members/);
  });
});

describe('a number of things', () => {
  it('must fit the bytes that follow, and the limit', () => {
    assert.equal(readCount(createReader(words(2, 0, 0)), 'things', 4), 2);
    assert.match(
      faultOf(() => readCount(createReader(words(3, 0, 0)), 'things', 4)),
      /^0: 3 things do not fit/,
    );
    assert.match(
      faultOf(() => readCount(createReader(words(3, 0, 0)), 'things', 1, 2)),
      /^0: 3 things, more than 2/,
    );
    assert.match(
      faultOf(() => readCount(createReader(words().subarray(0)), 'things', 4)),
      /^0: the policy ends here/,
    );
  });
});

describe('a name', () => {
  const read = (text: string | Uint8Array, length?: number) => {
    const bytes = typeof text === 'string' ? new Uint8Array(Buffer.from(text)) : text;
    return () => readName(createReader(bytes), 'a type', length ?? bytes.length);
  };

  it('is what may stand in a context', () => {
    assert.equal(read('user_t.child-2')(), 'user_t.child-2');
    for (const wrong of ['a b', 'a:b', 'a\0', 'ä', 'a\n']) assert.match(faultOf(read(wrong)), /^0: a type that cannot/);
    assert.match(faultOf(read('', 0)), /^0: a type of 0 bytes/);
    assert.match(faultOf(read('abc', 0xffff_ffff)), /^0: a type of 4294967295 bytes/);
    assert.match(faultOf(read('abc', 4)), /^0: the policy ends here/);
  });

  it('of a file may have spaces and any letters, and no control characters', () => {
    const text = (bytes: Uint8Array) => () => readText(createReader(bytes), 'a file name', bytes.length);
    assert.equal(text(new Uint8Array(Buffer.from('größe #1')))(), 'größe #1');
    assert.match(faultOf(text(Uint8Array.of(0x61, 0))), /control character/);
    assert.match(faultOf(text(Uint8Array.of(0xff))), /not UTF-8/);
  });
});
