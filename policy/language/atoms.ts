/**
 * Interned identifiers. A scanner meets the same few thousand names a million times; interning them by the characters
 * in place makes one string per name, so that later look-ups find a string whose hash is already known.
 */
export interface Atoms {
  /** The texts; an atom is an index. The reserved words come first. */
  readonly texts: string[];
  /** The kind of a reserved word, by atom; identifiers have no entry. */
  readonly kinds: readonly number[];
  /** The atom of `text[start, end)`, whose hash the caller has built with `mixHash` from `HASH_START`. */
  intern(text: string, start: number, end: number, hash: number): number;
}

export const HASH_START = 0x811c9dc5 | 0;

/** FNV-1a, one step. */
export function mixHash(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

export function createAtoms(reserved: ReadonlyMap<string, number>): Atoms {
  const texts: string[] = [];
  const hashes: number[] = [];
  const kinds: number[] = [];
  let slots = new Int32Array(1 << 13).fill(-1);

  const place = (atom: number, hash: number): void => {
    let slot = spread(hash) & (slots.length - 1);
    while ((slots[slot] ?? -1) >= 0) slot = (slot + 1) & (slots.length - 1);
    slots[slot] = atom;
  };
  const grow = (): void => {
    slots = new Int32Array(slots.length * 2).fill(-1);
    for (let atom = 0; atom < texts.length; atom++) place(atom, hashes[atom] ?? 0);
  };
  const intern = (text: string, start: number, end: number, hash: number): number => {
    const mask = slots.length - 1;
    let slot = spread(hash) & mask;
    for (let atom = slots[slot] ?? -1; atom >= 0; atom = slots[slot] ?? -1) {
      if (hashes[atom] === hash && sameText(texts[atom] ?? '', text, start, end)) return atom;
      slot = (slot + 1) & mask;
    }
    const atom = texts.length;
    texts.push(text.slice(start, end));
    hashes.push(hash);
    slots[slot] = atom;
    if (texts.length * 2 > slots.length) grow();
    return atom;
  };

  for (const [word, kind] of reserved) {
    let hash = HASH_START;
    for (let at = 0; at < word.length; at++) hash = mixHash(hash, word.charCodeAt(at));
    kinds[intern(word, 0, word.length, hash)] = kind;
  }
  return { texts, kinds, intern };
}

function spread(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}

function sameText(known: string, text: string, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = start; at < end; at++) if (known.charCodeAt(at - start) !== text.charCodeAt(at)) return false;
  return true;
}
