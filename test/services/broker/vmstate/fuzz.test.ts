import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { readStream } from '../../../support/vmstate-sink.ts';
import * as s from '../../../support/vmstate-stream.ts';

const whole = s.stream();
const { state } = readStream(whole, s.expected);

/** Reads bytes that may be anything. The sink throws for a write outside a block, which is no STREAM_INVALID. */
function outcomeOf(bytes: Uint8Array, cuts: readonly number[] = []) {
  try {
    return readStream(bytes, s.expected, cuts);
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'STREAM_INVALID') return error.message;
    throw error;
  }
}

test('any byte changed to any other is refused, or changes contents only', () => {
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [0x01, 0xff]) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= flip;
      const outcome = outcomeOf(bytes);
      if (typeof outcome === 'string') continue;
      assert.deepEqual(
        outcome.state.blocks.map((block) => block.bytes),
        state.blocks.map((block) => block.bytes),
        `byte ${at}`,
      );
      assert.deepEqual(outcome.state.devices, state.devices, `byte ${at}`);
    }
  }
});

test('many changes at once, cut anywhere, are refused or read, and never more than that', () => {
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  const cuts = fc.array(fc.nat(whole.length), { maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 8 }),
      cuts,
      fc.nat(whole.length),
      (changes, places, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        const sorted = places.filter((place) => place <= length).toSorted((one, other) => one - other);
        const pieces = outcomeOf(bytes, sorted);
        assert.deepEqual(pieces, outcomeOf(bytes));
      },
    ),
    { numRuns: 2000 },
  );
});

test('parts of a stream in any order are refused or read, and never more than that', () => {
  const piece = fc.oneof(
    fc.constantFrom(...Object.values(s.parts)),
    fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(undefined, 'pc.ram', 'x')).map(([word, block]) => {
      const records = s.join(s.u64(word), ...(block === undefined ? [] : [s.name(block)]), Buffer.alloc(4096, 1));
      return s.part(records);
    }),
    fc.uint8Array({ maxLength: 20 }),
  );
  const { header, configuration, start } = s.parts;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      outcomeOf(s.join(header, configuration, start, ...pieces));
      outcomeOf(s.join(...pieces));
    }),
    { numRuns: 2000 },
  );
});

test('a description with any numbers in it is refused or true', () => {
  const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 8, 2 ** 31, 2 ** 53, -1), fc.string());
  const field = fc.record({ size: number, array_len: number }, { requiredKeys: ['size'] });
  fc.assert(
    fc.property(fc.array(field, { maxLength: 4 }), (fields) => {
      const json = JSON.stringify({
        page_size: 4096,
        devices: [{ name: 'timer', instance_id: 0, version: 2, fields }],
      });
      const tail = s.join(s.device(s.devices[0]!, 10), Buffer.of(0), s.describedBy(json));
      const outcome = outcomeOf(s.stream({ tail }));
      if (typeof outcome !== 'string') assert.equal(outcome.state.devices[0]?.bytes, 8);
    }),
  );
});
