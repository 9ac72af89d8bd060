/** A set of small numbers: bit `n & 31` of word `n >> 5`. Two bitmaps are only combined when made for the same size. */
export type Bitmap = Uint32Array;

/** An empty set that can hold 0 up to and with `max`. */
export function createBitmap(max: number): Bitmap {
  return new Uint32Array((max >>> 5) + 1);
}

/** The set of some numbers, none above `max`. */
export function bitmapOf(max: number, members: Iterable<number>): Bitmap {
  const bitmap = createBitmap(max);
  for (const member of members) setBit(bitmap, member);
  return bitmap;
}

export function hasBit(bitmap: Bitmap, bit: number): boolean {
  return ((bitmap[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
}

export function setBit(bitmap: Bitmap, bit: number): void {
  bitmap[bit >>> 5] = (bitmap[bit >>> 5] ?? 0) | (1 << (bit & 31));
}

/** Adds every member of `from` to `into`. */
export function uniteInto(into: Bitmap, from: Bitmap): void {
  for (let word = 0; word < from.length; word++) into[word] = (into[word] ?? 0) | (from[word] ?? 0);
}

/** What is in both. */
export function intersect(left: Bitmap, right: Bitmap): Bitmap {
  return left.map((word, index) => word & (right[index] ?? 0));
}

/** True when every member of `part` is in `whole`. */
export function includesAll(whole: Bitmap, part: Bitmap): boolean {
  for (let word = 0; word < part.length; word++) if (((part[word] ?? 0) & ~(whole[word] ?? 0)) !== 0) return false;
  return true;
}

export function sameBits(left: Bitmap, right: Bitmap): boolean {
  for (let word = 0; word < left.length; word++) if (left[word] !== right[word]) return false;
  return true;
}

export function isEmpty(bitmap: Bitmap): boolean {
  for (let word = 0; word < bitmap.length; word++) if (bitmap[word] !== 0) return false;
  return true;
}

/** The members in rising order. */
export function bitsOf(bitmap: Bitmap): number[] {
  const bits: number[] = [];
  for (let word = 0; word < bitmap.length; word++) {
    for (let rest = bitmap[word] ?? 0; rest !== 0; rest &= rest - 1)
      bits.push(word * 32 + 31 - Math.clz32(rest & -rest));
  }
  return bits;
}

/** Bitmaps by what is in them, so that those that are equal can be one. */
export type BitmapPool = Map<number, Bitmap[]>;

/** The bitmap of the pool that is equal; the one that is given where there was none. */
export function pooled(pool: BitmapPool, bitmap: Bitmap): Bitmap {
  let hash = bitmap.length;
  for (let word = 0; word < bitmap.length; word++) hash = Math.imul(hash ^ (bitmap[word] as number), 0x0100_0193);
  const alike = pool.get(hash);
  if (alike === undefined) pool.set(hash, [bitmap]);
  const found = alike?.find((one) => one.length === bitmap.length && sameBits(one, bitmap));
  if (found === undefined) alike?.push(bitmap);
  return found ?? bitmap;
}
