import { type Bitmap, createBitmap } from '../policydb/bitmap.ts';
import { valuesMax } from '../policydb/policydb.ts';
import { fault, membersMax, type Reader, readCount, readU32 } from './reader.ts';

const wordBits = 64;
const bytesOfNode = 12;

/** Makes a bitmap for 0 up to `max` within the limit on all bitmaps together. */
export function boundedBitmap(reader: Reader, max: number): Bitmap {
  reader.wordsLeft -= (max >>> 5) + 1;
  return reader.wordsLeft >= 0 ? createBitmap(max) : fault(reader, 'the sets of the policy are too large');
}

/**
 * Reads an extensible bitmap (libsepol's ebitmap_read) and calls `visit` for every bit in it, rising. Bits are below
 * `limit`.
 */
export function visitBits(reader: Reader, limit: number, visit?: (bit: number) => void): void {
  const at = reader.offset;
  const { view } = reader;
  if (readU32(reader) !== wordBits) fault(reader, `a set whose words do not have ${wordBits} bits`, at);
  const highBit = readU32(reader);
  const count = readCount(reader, 'words of a set', bytesOfNode);
  if (highBit % wordBits !== 0 || (highBit === 0) !== (count === 0)) fault(reader, 'a set of impossible size', at);
  let next = 0;
  let nodeAt = reader.offset;
  for (const end = nodeAt + count * bytesOfNode; nodeAt < end; nodeAt += bytesOfNode) {
    const start = view.getUint32(nodeAt, true);
    if (start % wordBits !== 0 || start < next || start >= highBit)
      fault(reader, 'the words of a set are out of order', nodeAt);
    next = start + wordBits;
    const low = view.getUint32(nodeAt + 4, true);
    const high = view.getUint32(nodeAt + 8, true);
    if (low === 0 && high === 0) fault(reader, 'an empty word in a set', nodeAt);
    const last = high === 0 ? 31 - Math.clz32(low) : 63 - Math.clz32(high);
    if (start + last >= limit) fault(reader, `a set with member ${start + last}, where ${limit} is too many`, nodeAt);
    if (visit === undefined) continue;
    for (let rest = low; rest !== 0; rest &= rest - 1) visit(start + 31 - Math.clz32(rest & -rest));
    for (let rest = high; rest !== 0; rest &= rest - 1) visit(start + 63 - Math.clz32(rest & -rest));
  }
  if (next !== highBit && count > 0) fault(reader, 'a set that ends before its size', at);
  reader.offset = nodeAt;
}

/** Reads a set of values that nobody looks at. */
export function skipSet(reader: Reader): void {
  visitBits(reader, valuesMax);
}

/**
 * A set of values, of the size it has in the policy: it may come before the table that says how many values there are.
 * Bit 0 stands for value 1. Most sets are like one before, and are one bitmap with that, which must not be changed.
 */
export function readSet(reader: Reader): Bitmap {
  const at = reader.offset;
  const { view, text } = reader;
  const left = view.byteLength - at;
  const size = left < 8 ? 0 : view.getUint32(at + 4, true);
  if (size > valuesMax + wordBits) fault(reader, `a set of size ${size}`, at);
  const words = left < bytesOfNode ? 0 : view.getUint32(at + 8, true);
  const end = at + bytesOfNode * (words + 1);
  const hash = end > view.byteLength ? 0 : hashOf(view, at, end);
  const like = reader.sets.get(hash);
  if (like !== undefined && end - at === like.end - like.at && text.compare(text, like.at, like.end, at, end) === 0) {
    reader.offset = end;
    return like.set;
  }
  visitBits(reader, valuesMax);
  const set = boundedBitmap(reader, size);
  for (let nodeAt = at + bytesOfNode; nodeAt < end; nodeAt += bytesOfNode) {
    const word = view.getUint32(nodeAt, true) >>> 5;
    const low = view.getUint32(nodeAt + 4, true);
    const high = view.getUint32(nodeAt + 8, true);
    addWord(set, word, low << 1);
    addWord(set, word + 1, (high << 1) | (low >>> 31));
    addWord(set, word + 2, high >>> 31);
  }
  reader.sets.set(hash, { at, end, set });
  return set;
}

/** Of bytes whose number is a multiple of four. */
function hashOf(view: DataView, at: number, end: number): number {
  let hash = 0;
  for (let word = at; word < end; word += 4) hash = Math.imul(hash ^ view.getInt32(word, true), 0x0100_0193);
  return hash ^ (hash >>> 15);
}

function addWord(set: Bitmap, word: number, bits: number): void {
  if (bits !== 0) set[word] = (set[word] as number) | bits;
}

/** The same set, of the size for values up to `max`. It was read before `at`. */
export function fitSet(reader: Reader, set: Bitmap, max: number, at: number): Bitmap {
  const last = lastBit(set);
  if (last > max) fault(reader, `a set with member ${last}, where ${max} is the last value`, at);
  const known = reader.fitted.get(set);
  if (known?.length === (max >>> 5) + 1) return known;
  const fitted = boundedBitmap(reader, max);
  fitted.set(set.length > fitted.length ? set.subarray(0, fitted.length) : set);
  reader.fitted.set(set, fitted);
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
    countMember(reader);
    members.push(bit + first);
  });
  return members;
}

/** Counts a member of a listed set. */
export function countMember(reader: Reader): void {
  if (--reader.membersLeft < 0) fault(reader, `more than ${membersMax} members of sets`);
}
