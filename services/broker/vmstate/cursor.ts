import { BrokerError } from '../../../shared/errors/broker-error.ts';

/** Where a reader stands in a stream that comes in chunks. */
export interface Cursor {
  /** The bytes at hand. They belong to whoever pushed them and are not kept beyond that push. */
  chunk: Buffer;
  /** The next byte to read, as an index into `chunk`. */
  at: number;
  /** The place of `chunk` in the stream. */
  base: number;
  /** What comes next in a well-formed stream. */
  expecting: string;
}

/** A part of a reader. It yields when it has used up the chunk, and goes on when the next one is there. */
export type Reading<T> = Generator<undefined, T, undefined>;

export const newCursor = (): Cursor => ({ chunk: Buffer.alloc(0), at: 0, base: 0, expecting: 'a stream' });

export const offsetOf = (cursor: Cursor): number => cursor.base + cursor.at;

/** The error for bytes that are not what the format says, at `offset` of the stream. */
export const invalid = (offset: number, expected: string, found?: string): BrokerError =>
  new BrokerError(
    'STREAM_INVALID',
    `byte ${offset} of the migration stream: expected ${expected}${found === undefined ? '' : `, found ${found}`}`,
  );

/** The next `count` bytes: a view of the chunk, or a copy where they are split over chunks. Only for small things. */
export function* take(cursor: Cursor, count: number, expecting: string): Reading<Buffer> {
  cursor.expecting = expecting;
  const { chunk, at } = cursor;
  if (chunk.length - at >= count) {
    cursor.at = at + count;
    return chunk.subarray(at, at + count);
  }
  const stitched = Buffer.alloc(count);
  for (let have = 0; have < count; ) {
    if (cursor.at === cursor.chunk.length) yield;
    const copied = cursor.chunk.copy(stitched, have, cursor.at, cursor.at + count - have);
    cursor.at += copied;
    have += copied;
  }
  return stitched;
}

export function* takeByte(cursor: Cursor, expecting: string): Reading<number> {
  return (yield* take(cursor, 1, expecting))[0]!;
}

export function* takeU32(cursor: Cursor, expecting: string): Reading<number> {
  return (yield* take(cursor, 4, expecting)).readUInt32BE();
}

/** A 64-bit size that a number can hold exactly. */
export function* takeSize(cursor: Cursor, expecting: string): Reading<number> {
  const offset = offsetOf(cursor);
  const bytes = yield* take(cursor, 8, expecting);
  const size = bytes.readUInt32BE() * 2 ** 32 + bytes.readUInt32BE(4);
  if (!Number.isSafeInteger(size)) throw invalid(offset, expecting, 'a number above 2^53');
  return size;
}

/** A name of `length` bytes: printable ASCII, never empty. */
export function* takeText(cursor: Cursor, length: number, expecting: string): Reading<string> {
  const offset = offsetOf(cursor);
  const text = (yield* take(cursor, length, expecting)).toString('latin1');
  if (!/^[\x20-\x7e]+$/.test(text)) throw invalid(offset, `${expecting} in printable ASCII`);
  return text;
}

/** A name with its length in front, in one byte. */
export function* takeName(cursor: Cursor, expecting: string): Reading<string> {
  return yield* takeText(cursor, yield* takeByte(cursor, `the length of ${expecting}`), expecting);
}
