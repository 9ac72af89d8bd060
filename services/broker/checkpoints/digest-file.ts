import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { pageAligned } from '../vmstate/page-aligned.ts';
import { CHUNK_BYTES, chunkCount, DIGEST_BYTES, digestChunk } from './digest.ts';
import type { DigestJob } from './digest-worker.ts';

/** From here on threads are worth starting: they hash at twice the rate, and the broker goes on meanwhile. */
const THREADED_BYTES = 32 * CHUNK_BYTES;
const THREADS = Math.min(2, availableParallelism());

/**
 * The list of chunk digests of an open file that is `bytes` long. Reads by position only: what is hashed is what the
 * descriptor's holder reads. Fails where the file cannot be read or is shorter.
 */
export async function digestFile(fd: number, bytes: number): Promise<Buffer> {
  if (bytes >= THREADED_BYTES) return digestInThreads(fd, bytes);
  const list = Buffer.alloc(chunkCount(bytes) * DIGEST_BYTES);
  const chunk = pageAligned(CHUNK_BYTES);
  for (let index = 0; index < chunkCount(bytes); index++) {
    digestChunk(fd, bytes, index, chunk).copy(list, index * DIGEST_BYTES);
    await setImmediate();
  }
  return list;
}

async function digestInThreads(fd: number, bytes: number): Promise<Buffer> {
  const list = new Uint8Array(new SharedArrayBuffer(chunkCount(bytes) * DIGEST_BYTES));
  const job: DigestJob = { fd, bytes, next: new Int32Array(new SharedArrayBuffer(4)), list };
  const outcomes = await Promise.allSettled(Array.from({ length: THREADS }, () => runThread(job)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return Buffer.from(list);
}

function runThread(job: DigestJob): Promise<void> {
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
}
