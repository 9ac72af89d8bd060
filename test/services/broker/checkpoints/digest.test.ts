import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHUNK_BYTES, chunkCount, DIGEST_BYTES, digestOfList } from '../../../../services/broker/checkpoints/digest.ts';
import { digestFile } from '../../../../services/broker/checkpoints/digest-file.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';

const sha256 = (bytes: Uint8Array) => hash('sha256', bytes, 'hex');

for (const [what, chunks, rest] of [
  ['an empty file', 0, 0],
  ['a file of one byte', 0, 1],
  ['a file of whole chunks', 3, 0],
  ['a file with a part of a chunk', 3, 12345],
  ['a file that is hashed in threads', 40, 77],
] as const) {
  test(`${what} has the digests of its chunks, holes and zeros alike`, async (t) => {
    const fd = openSync(join(temporaryDirectory(t), 'file'), 'wx+');
    t.after(() => closeSync(fd));
    const bytes = chunks * CHUNK_BYTES + rest;
    ftruncateSync(fd, bytes);
    const written = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; at += 2 * CHUNK_BYTES + 1000) {
      written[at] = 1 + (at % 255);
      writeSync(fd, written, at, 1, at);
    }
    const list = await digestFile(fd, bytes);
    assert.equal(list.length, chunkCount(bytes) * DIGEST_BYTES);
    for (let index = 0; index < chunkCount(bytes); index++) {
      const digest = list.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES).toString('hex');
      assert.equal(digest, sha256(written.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)), `chunk ${index}`);
    }
    assert.equal(digestOfList(list), sha256(list));
  });
}

for (const chunks of [1, 40]) {
  test(`a file of ${chunks} chunks that is shorter than it is said to be is no file of that size`, async (t) => {
    const fd = openSync(join(temporaryDirectory(t), 'file'), 'wx+');
    t.after(() => closeSync(fd));
    ftruncateSync(fd, chunks * CHUNK_BYTES - 1);
    await assert.rejects(digestFile(fd, chunks * CHUNK_BYTES), {
      name: 'RangeError',
      message: /the file ends at byte/,
    });
  });
}
