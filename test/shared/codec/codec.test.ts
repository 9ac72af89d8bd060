import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decode, encode } from '../../../shared/codec/codec.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';

const plainKey = fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__');
/** Every value the codec is for. -0 is left out: MessagePack integers have no sign of zero. */
const plainValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value')),
    fc.dictionary(plainKey, tie('value'), { noNullPrototype: true }),
  ),
})).value;

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof BrokerError && error.code === 'MESSAGE_MALFORMED' && message.test(error.message);
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('the codec', () => {
  it('gives back what was encoded, for all plain data', () => {
    fc.assert(fc.property(plainValue, (value) => assert.deepStrictEqual(decode(encode(value), 1 << 20), value)));
  });

  it('gives back large texts, lists, maps and bytes', () => {
    const value = {
      text: 'é'.repeat(40_000),
      list: Array.from({ length: 70_000 }, (_, i) => i * 1000),
      map: Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key ${i}`, -1 - i])),
      bytes: Buffer.alloc(70_000, 7),
      wide: [255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -32, -33, -129, -32_769, -(2 ** 31), -(2 ** 31) - 1],
    };
    assert.deepStrictEqual(decode(encode(value), 1 << 24), value);
  });

  it('either decodes or throws MESSAGE_MALFORMED, whatever the bytes, and what it decodes can be encoded again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let value: unknown;
        try {
          value = decode(bytes, 64);
        } catch (error) {
          return error instanceof BrokerError && error.code === 'MESSAGE_MALFORMED';
        }
        return isReadable(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses or reads the same as before every encoding with one byte changed', () => {
    const change = fc.record({ value: plainValue, at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(change, ({ value, at, by }) => {
        const bytes = encode(value);
        const i = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(i) ^ by, i);
        try {
          return isReadable(decode(bytes, 1 << 20));
        } catch (error) {
          return error instanceof BrokerError && error.code === 'MESSAGE_MALFORMED';
        }
      }),
    );
  });

  it('refuses every truncation and every addition', () => {
    const bytes = encode({ a: [1, 'two', null], b: Buffer.from('three'), c: { d: 4.5 } });
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decode(bytes.subarray(0, length), 1024), refusal(/end early/), `${length} bytes`);
    }
    assert.throws(() => decode(Buffer.concat([bytes, hex('c0')]), 1024), refusal(/left over/));
  });

  it('refuses more bytes than it is told to take, before it looks at them', () => {
    const bytes = encode('x'.repeat(100));
    assert.throws(() => decode(bytes, bytes.length - 1), refusal(/at most 101 are taken/));
    assert.equal(decode(bytes, bytes.length), 'x'.repeat(100));
  });

  const hostile: readonly [what: string, bytes: Buffer, why: RegExp][] = [
    ['a map key twice', hex('82 a161 01 a161 02'), /twice/],
    ['a map key twice, in another length form', hex('82 a161 01 d90161 02'), /twice/],
    ['the key __proto__', Buffer.concat([hex('81 a9'), Buffer.from('__proto__'), hex('80')]), /__proto__/],
    ['a number as a key', hex('81 01 01'), /key is not text/],
    ['bytes as a key', hex('81 c40161 01'), /key is not text/],
    ['a list as a key', hex('81 90 01'), /key is not text/],
    ['nil as a key', hex('81 c0 01'), /key is not text/],
    ['a record definition', hex('d4 72 40 91 a161 01'), /type 0xd4/],
    ['a timestamp', hex('d6 ff 00000000'), /type 0xd6/],
    ['undefined', hex('d4 00 00'), /type 0xd4/],
    ['an error extension', hex('c7 01 65 00'), /type 0xc7/],
    ['a set extension', hex('d5 73 0000'), /type 0xd5/],
    ['a typed array extension', hex('d8 74 00000000000000000000000000000000'), /type 0xd8/],
    ['a large extension', hex('c9 ffffffff 01'), /type 0xc9/],
    ['a 64-bit integer', hex('cf ffffffffffffffff'), /type 0xcf/],
    ['a signed 64-bit integer', hex('d3 ffffffffffffffff'), /type 0xd3/],
    ['a 32-bit float', hex('ca 3f800000'), /type 0xca/],
    ['the reserved type', hex('c1'), /type 0xc1/],
    ['a double that is no number', hex('cb 7ff8000000000000'), /finite/],
    ['an infinite double', hex('cb 7ff0000000000000'), /finite/],
    ['text that is not UTF-8', hex('a2 c328'), /UTF-8/],
    ['text with half a surrogate pair', hex('a3 eda080'), /UTF-8/],
    ['a key that is not UTF-8', hex('81 a1ff 01'), /UTF-8/],
    ['a text that claims 4 GiB', hex('db ffffffff 61'), /end early/],
    ['bytes that claim 4 GiB', hex('c6 ffffffff 61'), /end early/],
    ['a list that claims 4 thousand million', hex('dd ffffffff 01'), /end early/],
    ['a map that claims 4 thousand million', hex('df ffffffff a161 01'), /end early/],
    ['nothing', hex(''), /end early/],
    ['lists nested 200,000 deep', Buffer.alloc(200_000, 0x91), /deeper than 32/],
    ['maps nested 60,000 deep', Buffer.alloc(180_000, hex('81 a161')), /deeper than 32/],
    ['lists nested 33 deep', Buffer.concat([Buffer.alloc(33, 0x91), hex('c0')]), /deeper than 32/],
  ];
  for (const [what, bytes, why] of hostile) {
    it(`refuses ${what}`, () => assert.throws(() => decode(bytes, 1 << 20), refusal(why)));
  }

  it('takes lists nested 32 deep', () => {
    const bytes = Buffer.concat([Buffer.alloc(32, 0x91), hex('c0')]);
    assert.deepEqual(encode(decode(bytes, 64)), bytes);
  });

  it('takes the longer forms of lengths and numbers that others may write', () => {
    const bytes = hex('df 00000002 db 00000001 61 ce 00000001 da 0001 62 dd 00000001 c6 00000001 ff');
    assert.deepStrictEqual(decode(bytes, 64), { a: 1, b: [Buffer.from([255])] });
  });

  /** As msgpackr writes them with `structuredClone` and `moreTypes`, which its decoder takes whatever its options are. */
  const structured: readonly [what: string, bytes: Buffer][] = [
    ['a record', hex('d4724091a16101')],
    ['a Date', hex('d6ff00000000')],
    ['a TypeError', hex('d4650093a9547970654572726f72a178d40000')],
    ['a Set', hex('d473009101')],
    ['a Map with a number as a key', hex('810102')],
    ['a list with undefined', hex('91d40000')],
    ['a bigint', hex('d31000000000000000')],
    ['a RegExp', hex('d4780092a178a0')],
    ['a Float32Array', hex('c70574070000803f')],
  ];
  for (const [what, bytes] of structured) {
    it(`refuses ${what}`, () => assert.throws(() => decode(bytes, 64), refusal(/./)));
  }

  it('answers with bytes of their own, not with a window into the message', () => {
    const message = encode({ secret: 'x', data: Buffer.from('abc') });
    const { data } = decode(message, 64) as { data: Buffer };
    message.fill(0);
    assert.equal(data.toString(), 'abc');
    assert.notEqual(data.buffer, message.buffer);
  });

  it('does not encode what could not be read again', () => {
    class Thing {}
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const values: readonly unknown[] = [
      undefined,
      { a: undefined },
      [undefined],
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      Symbol('x'),
      () => 1,
      new Date(0),
      new Map(),
      new Set(),
      new Thing(),
      new Error('x'),
      '\ud800',
      { '\udc00': 1 },
      JSON.parse('{"__proto__": 1}'),
      cyclic,
    ];
    for (const value of values) assert.throws(() => encode(value), TypeError);
    assert.throws(() => encode({ hint: undefined }), /the field hint is present and undefined/);
  });

  it('encodes objects without a prototype as any other', () => {
    assert.deepEqual(encode(Object.assign(Object.create(null), { a: 1 })), encode({ a: 1 }));
  });
});

/** Whether a value is made of nothing but what the codec is for. */
function isReadable(value: unknown): boolean {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.every(isReadable);
  return (
    typeof value === 'object' &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.entries(value).every(([key, item]) => key !== '__proto__' && isReadable(item))
  );
}
