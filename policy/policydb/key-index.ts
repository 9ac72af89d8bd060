import { type Column, createColumn, push, reserve } from './column.ts';

/**
 * Rows by (source, target, class): an open-addressing table over typed columns. Source and target are type values
 * below 65536, so that both fit one key, as they do in libsepol's avtab.
 */
export interface KeyIndex {
  readonly pairs: Column;
  readonly classes: Column;
  slots: Int32Array;
}

export function createKeyIndex(): KeyIndex {
  return { pairs: createColumn(), classes: createColumn(), slots: new Int32Array(256).fill(-1) };
}

/** The row of the key, or -1. */
export function findRow(index: KeyIndex, source: number, target: number, tclass: number): number {
  const { slots } = index;
  const pairs = index.pairs.data;
  const classes = index.classes.data;
  const pair = (source << 16) | target;
  const mask = slots.length - 1;
  let slot = hashKey(pair, tclass) & mask;
  for (;;) {
    const row = slots[slot] as number;
    if (row < 0) return -1;
    if (pairs[row] === pair && classes[row] === tclass) return row;
    slot = (slot + 1) & mask;
  }
}

/** The row of the key, made when there is none: a made row is always the next number. */
export function addRow(index: KeyIndex, source: number, target: number, tclass: number): number {
  if ((index.pairs.length + 1) * 2 > index.slots.length) rebuild(index, index.slots.length * 2);
  const { slots } = index;
  const pairs = index.pairs.data;
  const classes = index.classes.data;
  const pair = (source << 16) | target;
  const mask = slots.length - 1;
  let slot = hashKey(pair, tclass) & mask;
  for (;;) {
    const found = slots[slot] as number;
    if (found < 0) break;
    if (pairs[found] === pair && classes[found] === tclass) return found;
    slot = (slot + 1) & mask;
  }
  const row = push(index.pairs, pair);
  push(index.classes, tclass);
  slots[slot] = row;
  return row;
}

/** Makes room for `more` rows at once. */
export function reserveRows(index: KeyIndex, more: number): void {
  reserve(index.pairs, more);
  reserve(index.classes, more);
  let size = index.slots.length;
  while (size < (index.pairs.length + more) * 2) size *= 2;
  if (size > index.slots.length) rebuild(index, size);
}

export function rowSource(index: KeyIndex, row: number): number {
  return (index.pairs.data[row] ?? 0) >>> 16;
}

export function rowTarget(index: KeyIndex, row: number): number {
  return (index.pairs.data[row] ?? 0) & 0xffff;
}

export function rowClass(index: KeyIndex, row: number): number {
  return index.classes.data[row] ?? 0;
}

function place(index: KeyIndex, row: number): void {
  const mask = index.slots.length - 1;
  let slot = hashKey(index.pairs.data[row] ?? 0, rowClass(index, row)) & mask;
  while ((index.slots[slot] as number) >= 0) slot = (slot + 1) & mask;
  index.slots[slot] = row;
}

function rebuild(index: KeyIndex, size: number): void {
  index.slots = new Int32Array(size).fill(-1);
  for (let row = 0; row < index.pairs.length; row++) place(index, row);
}

/** Where the search for a key begins, before it is cut to the number of slots. */
export function hashKey(pair: number, tclass: number): number {
  const mixed = Math.imul(pair, 0x9e3779b1) ^ Math.imul(tclass, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
