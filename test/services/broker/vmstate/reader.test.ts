import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newStreamReader } from '../../../../services/broker/vmstate/reader.ts';
import { PAGE_BYTES } from '../../../../services/broker/vmstate/wire.ts';
import { memorySink, readStream } from '../../../support/vmstate-sink.ts';
import * as s from '../../../support/vmstate-stream.ts';

const guest = Buffer.concat([Buffer.alloc(PAGE_BYTES, 0x11), Buffer.alloc(PAGE_BYTES), Buffer.alloc(PAGE_BYTES, 0x33)]);
const whole = s.stream();

test('a stream is read into its machine, blocks, memory and devices', () => {
  const { state, memory } = readStream(whole, s.expected);
  assert.equal(state.machine, s.machine);
  assert.deepEqual(state.blocks, [
    { name: 'pc.ram', bytes: 3 * PAGE_BYTES },
    { name: 'pc.bios', bytes: 2 * PAGE_BYTES },
  ]);
  assert.deepEqual(memory.get('pc.ram'), guest);
  assert.deepEqual(memory.get('pc.bios'), Buffer.concat([Buffer.alloc(PAGE_BYTES, 0x44), Buffer.alloc(PAGE_BYTES)]));
  assert.deepEqual(state.tail, s.tail());
  assert.equal(state.bytes, whole.length);
  const [timer, cpu, globalState] = state.devices;
  assert.deepEqual(timer, { name: 'timer', instance: 0, version: 2, at: 19, bytes: 8 });
  assert.equal(cpu?.bytes, 4 + 1 + 1 + 'cpu/extra'.length + 4 + 1);
  assert.equal(globalState?.bytes, 104);
});

test('a stream cut in two at any byte is read the same', () => {
  const once = readStream(whole, s.expected);
  for (let cut = 1; cut < whole.length; cut++)
    assert.deepEqual(readStream(whole, s.expected, [cut]), once, `cut at ${cut}`);
});

test('a stream that comes byte by byte is read the same', () => {
  const cuts = Array.from({ length: whole.length - 1 }, (_, index) => index + 1);
  assert.deepEqual(readStream(whole, s.expected, cuts), readStream(whole, s.expected));
});

test('a stream cut anywhere, any number of times, is read the same', () => {
  const once = readStream(whole, s.expected);
  const cuts = fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 40 });
  fc.assert(
    fc.property(cuts, (places) => {
      const sorted = places.toSorted((one, other) => one - other);
      assert.deepEqual(readStream(whole, s.expected, sorted), once);
    }),
    { numRuns: 200 },
  );
});

test('pages that follow one another are handed on as one run', () => {
  const runs: [string, number, number][] = [];
  const reader = newStreamReader(s.expected, {
    blocks() {},
    pages: (block, offset, slices) => void runs.push([block.name, offset, slices.length]),
    zero() {},
  });
  const pages = s.join(
    s.page(0, 1, 'pc.ram'),
    s.page(PAGE_BYTES, 2),
    s.page(2 * PAGE_BYTES, 3),
    s.page(0, 4, 'pc.bios'),
  );
  reader.push(s.stream({ pages: s.part(s.join(pages, s.zeroPage(PAGE_BYTES))) }));
  assert.deepEqual(runs, [
    ['pc.ram', 0, 3],
    ['pc.bios', 0, 1],
  ]);
});

test('pages are views of what was pushed, not copies', () => {
  const slices: Uint8Array[] = [];
  const reader = newStreamReader(s.expected, {
    blocks() {},
    pages: (_b, _o, some) => void slices.push(...some),
    zero() {},
  });
  reader.push(whole);
  assert.equal(slices.length, 3);
  assert.ok(slices.every((slice) => slice.buffer === whole.buffer));
});

test('of a page that comes again the last one counts, also where it is zero', () => {
  const again = s.join(s.page(0, 0x55, 'pc.ram'), s.zeroPage(2 * PAGE_BYTES), s.page(PAGE_BYTES, 0x66));
  const { memory } = readStream(s.stream({ end: s.endPart(again) }), s.expected);
  const pages = [Buffer.alloc(PAGE_BYTES, 0x55), Buffer.alloc(PAGE_BYTES, 0x66), Buffer.alloc(PAGE_BYTES)];
  assert.deepEqual(memory.get('pc.ram'), Buffer.concat(pages));
});

test('a zero page that was not sent before is not reported, so that it becomes a hole', () => {
  const { sink } = memorySink();
  let zeros = 0;
  const reader = newStreamReader(s.expected, { ...sink, zero: () => void zeros++ });
  reader.push(whole);
  reader.finish();
  assert.equal(zeros, 0);
});

test('records without a name mean the block of the section before', () => {
  const pages = s.part(s.join(s.page(0, 1, 'pc.bios'), s.zeroPage(PAGE_BYTES), s.page(0, 2, 'pc.ram')));
  const more = s.part(s.join(s.page(PAGE_BYTES, 3), s.page(2 * PAGE_BYTES, 4)));
  const { memory } = readStream(s.stream({ pages: s.join(pages, more) }), s.expected);
  assert.equal(memory.get('pc.ram')?.[2 * PAGE_BYTES], 4);
});

test('a background snapshot has no END, and a stream may name its UUID', () => {
  const configuration = s.configuration(s.machine, s.subsection('configuration/uuid', s.uuid));
  const { state } = readStream(
    s.stream({ end: Buffer.alloc(0), commands: Buffer.alloc(0), configuration }),
    s.expected,
  );
  assert.deepEqual(state.uuid, s.uuid);
  assert.equal(state.opensReturnPath, false);
});

test('an answer is due once a sender that opened the return path has sent everything, and not before', () => {
  const { sink } = memorySink();
  const reader = newStreamReader(s.expected, sink);
  for (const byte of whole) {
    assert.equal(reader.answerDue(), false);
    reader.push(Uint8Array.of(byte));
  }
  assert.equal(reader.answerDue(), true);
  assert.equal(readStream(s.stream({ commands: Buffer.alloc(0) }), s.expected).answerDue, false);
});

test('a reader that failed reads no more', () => {
  const { sink } = memorySink();
  const reader = newStreamReader(s.expected, sink);
  assert.throws(() => reader.push(Buffer.from('no stream at all')), { code: 'STREAM_INVALID' });
  assert.throws(() => reader.push(whole), { code: 'STREAM_INVALID', message: /byte 0 / });
  assert.throws(() => reader.finish(), { code: 'STREAM_INVALID', message: /byte 0 / });
});
