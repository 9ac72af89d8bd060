import { hash } from 'node:crypto';
import { readSync } from 'node:fs';

/*
 * The digest of a file is SHA-256 over the list of SHA-256 of its chunks of 1 MiB, the last one as long as it is. The list is
 * kept beside the file, so that a difference can be placed.
 */

export const CHUNK_BYTES = 1024 * 1024;
export const DIGEST_BYTES = 32;

/** SHA-256 of 1 MiB of zeros: most of a guest's memory, recognised sixteen times as fast as it is hashed. */
const ZERO_CHUNK_DIGEST = Buffer.from('30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58', 'hex');
const zeroChunk = Buffer.alloc(CHUNK_BYTES);

export const chunkCount = (bytes: number): number => Math.ceil(bytes / CHUNK_BYTES);

/** The digest of a file, from its list, in lower-case hex. */
export const digestOfList = (list: Uint8Array): string => hash('sha256', list, 'hex');

/**
 * The digest of chunk `index` of an open file that is `bytes` long. It is read at its own place into `chunk`, so that the
 * descriptor's position stays where it is. Throws where the file is shorter.
 */
export function digestChunk(fd: number, bytes: number, index: number, chunk: Buffer): Buffer {
  const from = index * CHUNK_BYTES;
  const length = Math.min(CHUNK_BYTES, bytes - from);
  for (let have = 0; have < length; ) {
    const read = readSync(fd, chunk, have, length - have, from + have);
    if (read === 0) throw new RangeError(`the file ends at byte ${from + have} of ${bytes}`);
    have += read;
  }
  if (length === CHUNK_BYTES && chunk.equals(zeroChunk)) return ZERO_CHUNK_DIGEST;
  return hash('sha256', chunk.subarray(0, length), 'buffer');
}
