import { type Policydb, type Stated, tripleKey } from '../policydb/policydb.ts';

/*
 * Rules that are kept in maps, as columns: a form is opened faster when it makes objects of numbers than when it reads
 * objects one by one. No name has a line feed in it.
 */

/** What a map of `tripleKey` to what rules give holds, in its order. */
export interface StoredRules {
  readonly firsts: Uint16Array;
  /** The second and third value of the key. */
  readonly others: Uint32Array;
  readonly values: Uint16Array;
  readonly statements: Int32Array;
}

/** Rules by file name. */
export interface StoredFileNames {
  /** Each on a line. */
  readonly names: string;
  /** Where the rules of a name end; the next begin there. */
  readonly ends: Uint32Array;
  readonly rules: StoredRules;
}

export function storeRules(rules: readonly (readonly [key: number, stated: Stated<number>])[]): StoredRules {
  return {
    firsts: Uint16Array.from(rules, ([key]) => Math.floor(key / 0x1_0000_0000)),
    others: Uint32Array.from(rules, ([key]) => key % 0x1_0000_0000),
    values: Uint16Array.from(rules, ([, { value }]) => value),
    statements: Int32Array.from(rules, ([, { statement }]) => statement),
  };
}

export function restoreRules(
  { firsts, others, values, statements }: StoredRules,
  from = 0,
  end = firsts.length,
): Map<number, Stated<number>> {
  const rules = new Map<number, Stated<number>>();
  for (let rule = from; rule < end; rule++) {
    const other = others[rule] as number;
    const key = tripleKey(firsts[rule] as number, other >>> 16, other & 0xffff);
    rules.set(key, { value: values[rule] as number, statement: statements[rule] as number });
  }
  return rules;
}

export function storeFileNames(byName: Policydb['fileNameRules']): StoredFileNames {
  let end = 0;
  return {
    names: [...byName.keys()].join('\n'),
    ends: Uint32Array.from(byName.values(), ({ size }) => (end += size)),
    rules: storeRules([...byName.values()].flatMap((rules) => [...rules])),
  };
}

export function restoreFileNames({ names, ends, rules }: StoredFileNames): Policydb['fileNameRules'] {
  const byName: Policydb['fileNameRules'] = new Map();
  names.split('\n').forEach((name, index) => {
    if (index < ends.length) byName.set(name, restoreRules(rules, ends[index - 1] ?? 0, ends[index]));
  });
  return byName;
}
