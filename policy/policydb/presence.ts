import type { KeyIndex } from './key-index.ts';

/**
 * Whether any access rule has a type or attribute as its source, or as its target, for a class. Of the dozens of pairs that
 * are tried for a decision few have a rule, and most are left out by this. One bit for each, by hash and without
 * looking at collisions: a bit that is not set is certain.
 */
export interface Presence {
  readonly sources: Uint32Array;
  readonly targets: Uint32Array;
}

const bitsPerRow = 8;

/** Of a table that is complete. */
export function presenceOf(index: KeyIndex): Presence {
  const rows = index.pairs.length;
  const words = Math.max(1, 2 ** Math.ceil(Math.log2((rows * bitsPerRow) / 32)));
  const presence = { sources: new Uint32Array(words), targets: new Uint32Array(words) };
  const { sources, targets } = presence;
  const mask = words - 1;
  const pairs = index.pairs.data;
  const classes = index.classes.data;
  for (let row = 0; row < rows; row++) {
    const pair = pairs[row] as number;
    const tclass = classes[row] as number;
    const source = hash(pair >>> 16, tclass);
    const target = hash(pair & 0xffff, tclass);
    sources[(source >>> 5) & mask] = (sources[(source >>> 5) & mask] as number) | (1 << (source & 31));
    targets[(target >>> 5) & mask] = (targets[(target >>> 5) & mask] as number) | (1 << (target & 31));
  }
  return presence;
}

/** False when no rule has the value at that end for the class. */
export function mayHave(bits: Uint32Array, value: number, tclass: number): boolean {
  const mixed = hash(value, tclass);
  return ((bits[(mixed >>> 5) & (bits.length - 1)] as number) & (1 << (mixed & 31))) !== 0;
}

function hash(value: number, tclass: number): number {
  const mixed = Math.imul(value, 0x9e3779b1) ^ Math.imul(tclass, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
