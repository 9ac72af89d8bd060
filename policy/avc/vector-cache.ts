/**
 * A bounded table of access vectors by three small numbers (source, target, class), in one typed array: sets of four
 * entries, so that looking and replacing cost the same whatever is in it.
 */
export interface VectorCache {
  /** Where the entry's vectors begin in `words`, or -1. Good until the next insert or flush. */
  find(source: number, target: number, tclass: number): number;
  /** Puts an entry in place of an older one, and answers where. */
  insert(source: number, target: number, tclass: number, vector: VectorBits): number;
  /** Forgets everything. */
  flush(): void;
  /** The entry's words: see `ALLOWED` and the others, to be added to what `find` answers. */
  readonly words: Int32Array;
}

/** Access vectors as bits. */
export interface VectorBits {
  readonly allowed: number;
  readonly auditallow: number;
  readonly auditdeny: number;
  readonly permissive: boolean;
}

/** An entry is eight words: the key, the flush it was put in after, and the vectors. */
const TCLASS = 2;
const FLUSHES = 3;
export const ALLOWED = 4;
export const AUDITALLOW = 5;
export const AUDITDENY = 6;
export const PERMISSIVE = 7;
const entryWords = 8;
const setEntries = 4;
const setWords = entryWords * setEntries;

/** `entries` is rounded up to a power of two, four at the least. */
export function createVectorCache(entries: number): VectorCache {
  const sets = 2 ** Math.ceil(Math.log2(Math.max(1, entries / setEntries)));
  const words = new Int32Array(sets * setWords);
  const mask = sets - 1;
  // Never 0, so that words which were never written are no entry.
  let flushes = 1;
  let turn = 0;
  const setOf = (source: number, target: number, tclass: number): number => {
    const mixed = Math.imul(source, 0x9e3779b1) ^ Math.imul(target, 0x85ebca6b) ^ Math.imul(tclass, 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 15)) & mask) * setWords;
  };
  const find = (source: number, target: number, tclass: number): number => {
    const start = setOf(source, target, tclass);
    for (let at = start; at < start + setWords; at += entryWords) {
      if (words[at] !== source || words[at + 1] !== target) continue;
      if (words[at + TCLASS] === tclass && words[at + FLUSHES] === flushes) return at;
    }
    return -1;
  };
  /** The entry itself when it is there, else one that a flush left behind, else each of the set in turn. */
  const placeFor = (source: number, target: number, tclass: number): number => {
    const found = find(source, target, tclass);
    if (found >= 0) return found;
    const start = setOf(source, target, tclass);
    for (let at = start; at < start + setWords; at += entryWords) if (words[at + FLUSHES] !== flushes) return at;
    turn = (turn + 1) % setEntries;
    return start + turn * entryWords;
  };
  return {
    words,
    find,
    insert(source, target, tclass, { allowed, auditallow, auditdeny, permissive }) {
      const at = placeFor(source, target, tclass);
      words.set([source, target, tclass, flushes, allowed, auditallow, auditdeny, permissive ? 1 : 0], at);
      return at;
    },
    flush() {
      if (flushes === 0x7fffffff) words.fill(0);
      flushes = flushes === 0x7fffffff ? 1 : flushes + 1;
    },
  };
}
