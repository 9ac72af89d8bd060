/** Seeded random choices, so that a difference can be had again from its seed. */
export interface Random {
  /** A whole number from 0 up to and without `below`. */
  below(below: number): number;
  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Between `least` and `most` different ones, in their order; fewer when there are not as many. */
  some<T>(from: readonly T[], least: number, most: number): T[];
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % Math.max(1, limit);
  const pick = <T>(from: readonly T[]): T => {
    const chosen = from[below(from.length)];
    if (chosen === undefined) throw new RangeError('nothing to pick from');
    return chosen;
  };
  return {
    below,
    chance: (percent) => below(100) < percent,
    pick,
    some(from, least, most) {
      const wanted = Math.min(from.length, least + below(most - least + 1));
      const left = from.map((_, index) => index);
      const chosen = Array.from({ length: wanted }, () => left.splice(below(left.length), 1)[0] ?? 0);
      return chosen.sort((a, b) => a - b).map((index) => from[index] as (typeof from)[number]);
    },
  };
}
