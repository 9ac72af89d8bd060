import { workerData } from 'node:worker_threads';
import { pageAligned } from '../vmstate/page-aligned.ts';
import { CHUNK_BYTES, chunkCount, DIGEST_BYTES, digestChunk } from './digest.ts';

/** What a hashing thread is started with; all of them share `next` and `list`. */
export interface DigestJob {
  readonly fd: number;
  readonly bytes: number;
  /** The next chunk that nobody took yet. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** Where the digests go, each at its chunk's place. */
  readonly list: Uint8Array<SharedArrayBuffer>;
}

const { fd, bytes, next, list } = workerData as DigestJob;
const chunk = pageAligned(CHUNK_BYTES);
const count = chunkCount(bytes);
for (let index = Atomics.add(next, 0, 1); index < count; index = Atomics.add(next, 0, 1)) {
  list.set(digestChunk(fd, bytes, index, chunk), index * DIGEST_BYTES);
}
