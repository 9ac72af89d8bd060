/** Lists of numbers below 65536, by number: list `n` is `values` from `starts[n]` up to and without `starts[n + 1]`. */
export interface Lists {
  readonly starts: Uint32Array;
  readonly values: Uint16Array;
}

export const NO_LISTS: Lists = { starts: new Uint32Array(1), values: new Uint16Array(0) };

export function listsOf(lists: readonly (readonly number[])[]): Lists {
  const starts = new Uint32Array(lists.length + 1);
  lists.forEach((list, n) => {
    starts[n + 1] = (starts[n] ?? 0) + list.length;
  });
  const values = new Uint16Array(starts[lists.length] ?? 0);
  lists.forEach((list, n) => void values.set(list, starts[n]));
  return { starts, values };
}

/** List `n`, a view; an empty one where there is none. */
export function listAt({ starts, values }: Lists, n: number): Uint16Array {
  return values.subarray(starts[n] ?? 0, starts[n + 1] ?? starts[n] ?? 0);
}
