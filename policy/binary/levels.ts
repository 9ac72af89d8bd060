import type { Bitmap } from '../policydb/bitmap.ts';
import { dominates, type Level, NO_RANGE, type Range } from '../policydb/context.ts';
import type { Mls } from '../policydb/policydb.ts';
import { fault, type Reader, readU32 } from './reader.ts';
import { fitSet, readSet } from './sets.ts';

/** A level as it stands in the bytes: sensitivities and categories come after the users that name them. */
export interface RawLevel {
  readonly sensitivity: number;
  readonly categories: Bitmap;
  readonly at: number;
}

export interface RawRange {
  readonly low: RawLevel;
  readonly high: RawLevel;
}

export function readLevel(reader: Reader): RawLevel {
  const at = reader.offset;
  const sensitivity = readU32(reader);
  return { sensitivity, categories: readSet(reader), at };
}

/** Reads a range: the sensitivities of one level or two, then their categories. */
export function readRange(reader: Reader): RawRange {
  const at = reader.offset;
  const count = readU32(reader);
  if (count !== 1 && count !== 2) fault(reader, `a range of ${count} levels`, at);
  const lowest = readU32(reader);
  const highest = count === 2 ? readU32(reader) : lowest;
  const low = { sensitivity: lowest, categories: readSet(reader), at };
  return { low, high: count === 2 ? { sensitivity: highest, categories: readSet(reader), at } : low };
}

/** The level by the policy's sensitivities and categories; without MLS the empty one. */
export function resolveLevel(reader: Reader, mls: Mls | undefined, raw: RawLevel): Level {
  if (mls === undefined) return NO_RANGE.low;
  const { sensitivity, categories, at } = raw;
  if (!mls.sensitivities.names[sensitivity]) fault(reader, `a level of unknown sensitivity ${sensitivity}`, at);
  return { sensitivity, categories: fitSet(reader, categories, mls.categories.names.length - 1, at) };
}

/** The range likewise; its high level dominates the low one. */
export function resolveRange(reader: Reader, mls: Mls | undefined, raw: RawRange): Range {
  if (mls === undefined) return NO_RANGE;
  const low = resolveLevel(reader, mls, raw.low);
  const high = raw.high === raw.low ? low : resolveLevel(reader, mls, raw.high);
  if (!dominates(high, low)) fault(reader, 'a range whose high level does not dominate its low one', raw.low.at);
  return { low, high };
}
