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
  const kinds: number[] = [];
  /** The hash of each atom, and where its characters begin in `chars`; one more beginning marks the end of the last. */
  let hashes = new Int32Array(1 << 12);
  let begins = new Uint32Array((1 << 12) + 1);
  let chars = new Uint16Array(1 << 16);
  let slots = new Int32Array(1 << 13).fill(-1);

  const isAt = (atom: number, text: string, start: number, end: number): boolean => {
    let at = begins[atom] as number;
    if ((begins[atom + 1] as number) - at !== end - start) return false;
    for (let from = start; from < end; from++) if (chars[at++] !== text.charCodeAt(from)) return false;
    return true;
  };
  const grow = (): void => {
    hashes = copyInto(new Int32Array(hashes.length * 2), hashes);
    begins = copyInto(new Uint32Array(hashes.length + 1), begins);
    slots = new Int32Array(slots.length * 2).fill(-1);
    for (let atom = 0; atom < texts.length; atom++) {
      let slot = spread(hashes[atom] as number) & (slots.length - 1);
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = atom;
    }
  };
  const add = (text: string, start: number, end: number, hash: number): number => {
    const atom = texts.push(text.slice(start, end)) - 1;
    let at = begins[atom] as number;
    while (at + end - start > chars.length) chars = copyInto(new Uint16Array(chars.length * 2), chars);
    for (let from = start; from < end; from++) chars[at++] = text.charCodeAt(from);
    begins[atom + 1] = at;
    hashes[atom] = hash;
    return atom;
  };
  const intern = (text: string, start: number, end: number, hash: number): number => {
    const mask = slots.length - 1;
    let slot = spread(hash) & mask;
    for (let atom = slots[slot] as number; atom >= 0; atom = slots[slot] as number) {
      if (hashes[atom] === hash && isAt(atom, text, start, end)) return atom;
      slot = (slot + 1) & mask;
    }
    const atom = add(text, start, end, hash);
    slots[slot] = atom;
    if (texts.length === hashes.length) grow();
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

function copyInto<T extends Int32Array | Uint32Array | Uint16Array>(larger: T, smaller: T): T {
  larger.set(smaller);
  return larger;
}
