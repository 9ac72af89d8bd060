import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQcow2 } from '../../../../services/broker/images/qcow2.ts';

/** A header made by hand: version 3, 64 KiB clusters, 1 MiB, no extensions. */
function header(change: (bytes: Buffer) => void = () => undefined): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write('QFI\xfb', 0, 'latin1');
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(1n << 20n, 24);
  bytes.writeUInt32BE(104, 100);
  change(bytes);
  return bytes;
}

test('the header made by hand is sound as it is', () => {
  assert.deepEqual(parseQcow2(header()), { ok: true, header: { version: 3, virtualBytes: 1 << 20 } });
});

const tampered: [string, (bytes: Buffer) => void, RegExp][] = [
  ['version 1', (b) => b.writeUInt32BE(1, 4), /version is 1/],
  ['version 4', (b) => b.writeUInt32BE(4, 4), /version is 4/],
  ['clusters of 256 bytes', (b) => b.writeUInt32BE(8, 20), /clusters/],
  ['clusters of 2^63 bytes', (b) => b.writeUInt32BE(63, 20), /clusters/],
  ['a size beyond all bounds', (b) => b.writeBigUInt64BE(1n << 63n, 24), /size/],
  ['AES encryption', (b) => b.writeUInt32BE(1, 32), /encrypted/],
  ['more snapshots than anybody has', (b) => b.writeUInt32BE(0xffffffff, 60), /snapshots/],
  ['the corrupt bit', (b) => b.writeBigUInt64BE(2n, 72), /corrupt/],
  ['the data file bit', (b) => b.writeBigUInt64BE(4n, 72), /another file/],
  ['an unknown feature', (b) => b.writeBigUInt64BE(1n << 40n, 72), /features/],
  ['a header shorter than its version has', (b) => b.writeUInt32BE(72, 100), /header claims/],
  ['a header longer than the file', (b) => b.writeUInt32BE(0xfffffff8, 100), /header claims/],
  ['a backing name beyond the file', (b) => b.writeBigUInt64BE(500n, 8) && b.writeUInt32BE(100, 16), /backing/],
  [
    'a backing name at an offset beyond all bounds',
    (b) => b.writeBigUInt64BE(1n << 63n, 8) && b.writeUInt32BE(4, 16),
    /backing/,
  ],
  ['a backing name of 64 KiB', (b) => b.writeBigUInt64BE(112n, 8) && b.writeUInt32BE(65536, 16), /backing/],
  [
    'an extension beyond the header',
    (b) => b.writeUInt32BE(0x12345678, 104) && b.writeUInt32BE(0xfffffff0, 108),
    /extension/,
  ],
  ['an extension for encryption', (b) => b.writeUInt32BE(0x0537be77, 104) && b.writeUInt32BE(16, 108), /encrypted/],
  [
    'an extension that names a data file',
    (b) => b.writeUInt32BE(0x44415441, 104) && b.writeUInt32BE(4, 108),
    /holds its data/,
  ],
  [
    'extensions without end',
    (b) => {
      for (let at = 104; at + 8 <= b.length; at += 8) b.writeUInt32BE(0x11111111, at);
    },
    /extensions/,
  ],
];
for (const [what, change, message] of tampered) {
  test(`a header with ${what} is refused`, () => {
    const parsed = parseQcow2(header(change));
    assert.equal(parsed.ok, false);
    assert.match(parsed.ok ? '' : parsed.problem, message);
  });
}

test('a header that is cut anywhere is refused, or complete without what was cut', () => {
  for (let length = 0; length < 112; length++) assert.equal(parseQcow2(header().subarray(0, length)).ok, false);
});

test('whatever a header holds, reading it ends with an answer', () => {
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed;
  };
  for (let run = 0; run < 20_000; run++) {
    const parsed = parseQcow2(
      header((bytes) => {
        for (let n = random() % 6; n >= 0; n--) bytes[4 + (random() % 200)] = random() & 0xff;
      }),
    );
    if (parsed.ok) assert.ok(parsed.header.virtualBytes >= 0);
    else assert.notEqual(parsed.problem, '');
  }
});
