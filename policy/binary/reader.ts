import { type Bitmap, createBitmap, setBit } from '../policydb/bitmap.ts';
import { valuesMax } from '../policydb/policydb.ts';
import { createStatements, type Statements } from './statements.ts';

/** A place in a binary policy and what is wrong there. Thrown by the readers, caught in read-binary.ts only. */
export class BinaryFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Where reading stands in the bytes; every number is little-endian and starts at any offset. */
export interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly text: Buffer;
  offset: number;
  /** The 32-bit words that bitmaps may still take; see `bitmapWordsMax`. */
  wordsLeft: number;
  /** The members that listed sets may still have; see `membersMax`. */
  membersLeft: number;
  /** The rules read so far. */
  readonly statements: Statements;
}

/** The words all bitmaps of a policy may have together, so that few bytes cannot ask for much memory. */
const bitmapWordsMax = 16 * 1024 * 1024;
/** The members of all listed sets together: types of attributes, sources of rules by file name. */
const membersMax = 2_000_000;
/** The bytes a name may have, as in a source. */
const nameBytesMax = 8191;
const wordBits = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function createReader(bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const statements = createStatements();
  return { bytes, view, text, offset: 0, wordsLeft: bitmapWordsMax, membersLeft: membersMax, statements };
}

/** Stops reading: what is wrong is at `offset`, or where reading stands. */
export function fault(reader: Reader, message: string, offset = reader.offset): never {
  throw new BinaryFault(offset, message);
}

/** Moves past `count` bytes and answers where they start. */
function take(reader: Reader, count: number): number {
  const at = reader.offset;
  const left = reader.bytes.length - at;
  if (count > left) fault(reader, `the policy ends here, where ${count} more bytes must stand`);
  reader.offset = at + count;
  return at;
}

export function readU8(reader: Reader): number {
  return reader.bytes[take(reader, 1)] ?? 0;
}

export function readU16(reader: Reader): number {
  return reader.view.getUint16(take(reader, 2), true);
}

export function readU32(reader: Reader): number {
  return reader.view.getUint32(take(reader, 4), true);
}

/** A number of things that follow, `bytesEach` bytes at least; refused when they cannot all be there. */
export function readCount(reader: Reader, what: string, bytesEach: number, max = 0xffff_ffff): number {
  const at = reader.offset;
  const count = readU32(reader);
  if (count > max) fault(reader, `${count} ${what}, more than ${max}`, at);
  if (count * bytesEach > reader.bytes.length - reader.offset) {
    fault(reader, `${count} ${what} do not fit the bytes that follow`, at);
  }
  return count;
}

/** `length` bytes of UTF-8 without control characters. */
export function readText(reader: Reader, what: string, length: number): string {
  const at = reader.offset;
  if (length === 0 || length > nameBytesMax) fault(reader, `${what} of ${length} bytes`, at);
  const bytes = reader.bytes.subarray(take(reader, length), reader.offset);
  try {
    const text = utf8.decode(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (!/[\u0000-\u001f\u007f]/.test(text)) return text;
  } catch {
    fault(reader, `${what} that is not UTF-8`, at);
  }
  return fault(reader, `${what} with a control character`, at);
}

/** A name: printable ASCII without what separates the parts of a context. */
export function readName(reader: Reader, what: string, length: number): string {
  const at = reader.offset;
  if (length === 0 || length > nameBytesMax) fault(reader, `${what} of ${length} bytes`, at);
  const start = take(reader, length);
  const name = reader.text.toString('latin1', start, start + length);
  return /^[!-9;-~]+$/.test(name) ? name : fault(reader, `${what} that cannot stand in a context`, at);
}

/** Makes a bitmap for 0 up to `max` within the limit on all bitmaps together. */
export function boundedBitmap(reader: Reader, max: number): Bitmap {
  reader.wordsLeft -= (max >>> 5) + 1;
  return reader.wordsLeft >= 0 ? createBitmap(max) : fault(reader, 'the sets of the policy are too large');
}

/**
 * Reads an extensible bitmap (libsepol's ebitmap_read) and calls `visit` for every bit in it, rising. Bits are below
 * `limit`.
 */
export function visitBits(reader: Reader, limit: number, visit: (bit: number) => void): void {
  const at = reader.offset;
  if (readU32(reader) !== wordBits) fault(reader, `a set whose words do not have ${wordBits} bits`, at);
  const highBit = readU32(reader);
  const count = readCount(reader, 'words of a set', 12);
  if (highBit % wordBits !== 0 || (highBit === 0) !== (count === 0)) fault(reader, 'a set of impossible size', at);
  let next = 0;
  for (let index = 0; index < count; index++) {
    const nodeAt = reader.offset;
    const start = readU32(reader);
    if (start % wordBits !== 0 || start < next || start >= highBit)
      fault(reader, 'the words of a set are out of order', nodeAt);
    next = start + wordBits;
    const low = readU32(reader);
    const high = readU32(reader);
    if (low === 0 && high === 0) fault(reader, 'an empty word in a set', nodeAt);
    const last = high === 0 ? 31 - Math.clz32(low) : 63 - Math.clz32(high);
    if (start + last >= limit) fault(reader, `a set with member ${start + last}, where ${limit} is too many`, nodeAt);
    for (let rest = low; rest !== 0; rest &= rest - 1) visit(start + 31 - Math.clz32(rest & -rest));
    for (let rest = high; rest !== 0; rest &= rest - 1) visit(start + 63 - Math.clz32(rest & -rest));
  }
  if (next !== highBit && count > 0) fault(reader, 'a set that ends before its size', at);
}

/**
 * A set of values, of the size it has in the policy: it may come before the table that says how many values there are.
 * Bit 0 stands for value `first`.
 */
export function readSet(reader: Reader, first: 0 | 1): Bitmap {
  const at = reader.offset;
  const size = reader.bytes.length - at < 8 ? 0 : reader.view.getUint32(at + 4, true);
  if (size > valuesMax + wordBits) fault(reader, `a set of size ${size}`, at);
  const set = boundedBitmap(reader, size);
  visitBits(reader, valuesMax + 1 - first, (bit) => setBit(set, bit + first));
  return set;
}

/** The same set, of the size for values up to `max`. It was read before `at`. */
export function fitSet(reader: Reader, set: Bitmap, max: number, at: number): Bitmap {
  const fitted = boundedBitmap(reader, max);
  const last = lastBit(set);
  if (last > max) fault(reader, `a set with member ${last}, where ${max} is the last value`, at);
  fitted.set(set.length > fitted.length ? set.subarray(0, fitted.length) : set);
  return fitted;
}

function lastBit(set: Bitmap): number {
  for (let word = set.length - 1; word >= 0; word--) {
    const bits = set[word] ?? 0;
    if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
  }
  return 0;
}

/** The members of a set in rising order, for sets that are listed and not looked up. Bit 0 stands for `first`. */
export function readMembers(reader: Reader, first: 0 | 1): number[] {
  const members: number[] = [];
  visitBits(reader, valuesMax + 1 - first, (bit) => {
    if (--reader.membersLeft < 0) fault(reader, `more than ${membersMax} members of sets`);
    members.push(bit + first);
  });
  return members;
}
