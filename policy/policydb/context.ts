import { type Bitmap, createBitmap, includesAll, sameBits } from './bitmap.ts';

/** A level: a sensitivity by its place in the dominance order, from 1, and categories by value. */
export interface Level {
  readonly sensitivity: number;
  readonly categories: Bitmap;
}

export interface Range {
  readonly low: Level;
  readonly high: Level;
}

/** A context by values. Without MLS the range is `NO_RANGE`. */
export interface Context {
  readonly user: number;
  readonly role: number;
  readonly type: number;
  readonly range: Range;
}

const NO_LEVEL: Level = { sensitivity: 0, categories: createBitmap(0) };
export const NO_RANGE: Range = { low: NO_LEVEL, high: NO_LEVEL };

/** The role of files and other objects; every user may have it, and every type goes with it. */
export const OBJECT_ROLE = 1;

/** True when `left` is at least as sensitive and has all categories of `right`. */
export function dominates(left: Level, right: Level): boolean {
  return left.sensitivity >= right.sensitivity && includesAll(left.categories, right.categories);
}

export function sameLevel(left: Level, right: Level): boolean {
  return left.sensitivity === right.sensitivity && sameBits(left.categories, right.categories);
}

/** True when `inner` lies within `outer`. */
export function rangeContains(outer: Range, inner: Range): boolean {
  return dominates(inner.low, outer.low) && dominates(outer.high, inner.high);
}
