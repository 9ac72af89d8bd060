import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { findRow, rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import { type Policydb, tripleKey } from '../policydb/policydb.ts';
import { allowedByRow, allowedPair } from './allowed-pair.ts';
import { branchKeys } from './branch-key.ts';
import { type Correspondence, correspond } from './correspondence.ts';

/** What the rules of one policy allow one type on another, and those of another policy do not. */
export interface GainedPair {
  /** Values of the policy that allows more. */
  readonly source: number;
  readonly target: number;
  readonly tclass: number;
  readonly perms: number;
  readonly branch: number;
}

/** So many pairs of types are looked at; policies that differ more have little in common. */
export const pairsMax = 8_000_000;

/** Too many differences to be listed. */
export class TooDifferent extends Error {}

/**
 * What `db` allows by its rules that `before` does not. Only pairs of types are looked at that some rule covers which
 * `before` does not have, or that belong to an attribute since: the work is in proportion to what changed. Conditions are
 * compared by their truth tables over the same booleans, whatever the booleans' values are.
 * @throws TooDifferent
 */
export function gainedPairs(before: Policydb, db: Policydb): GainedPair[] {
  const names = correspond(db, before);
  const keyOf = branchKeys(db);
  const keyBefore = branchKeys(before);
  const seen = new Set<number>();
  const gained: GainedPair[] = [];
  const look = (source: number, target: number, tclass: number): void => {
    const key = tripleKey(source, target, tclass);
    if (seen.has(key)) return;
    if (seen.size >= pairsMax) throw new TooDifferent(`more than ${pairsMax} pairs of types differ`);
    seen.add(key);
    const now = allowedPair(db, source, target, tclass, keyOf);
    const [from = 0, to = 0, of = 0] = [names.types[source], names.types[target], names.classes[tclass]];
    const then = allowedPair(before, from, to, of, keyBefore);
    const always = names.permsHere(tclass, then.get('')?.perms ?? 0);
    const unconditional = now.get('')?.perms ?? 0;
    for (const [condition, { perms, branch }] of now) {
      let more = perms & ~always & ~names.permsHere(tclass, then.get(condition)?.perms ?? 0);
      if (branch !== UNCONDITIONAL) more &= ~unconditional;
      if (more !== 0) gained.push({ source, target, tclass, perms: more, branch });
    }
  };
  const expand = members(db);
  const since = membersSince(before, db, names, expand);
  for (let row = 0; row < db.access.index.pairs.length; row++) {
    const [source, target, tclass] = [
      rowSource(db.access.index, row),
      rowTarget(db.access.index, row),
      rowClass(db.access.index, row),
    ];
    if (rowIsNew(row, source, target, tclass)) {
      for (const from of expand(source)) for (const to of expand(target)) look(from, to, tclass);
      continue;
    }
    if (since(source).length + since(target).length === 0) continue;
    for (const from of since(source)) for (const to of expand(target)) look(from, to, tclass);
    for (const to of since(target)) for (const from of expand(source)) look(from, to, tclass);
  }
  return gained;

  /** True when the row allows anything the same row of the other policy does not. */
  function rowIsNew(row: number, source: number, target: number, tclass: number): boolean {
    const [from = 0, to = 0, of = 0] = [names.types[source], names.types[target], names.classes[tclass]];
    const rowBefore = from === 0 || to === 0 || of === 0 ? -1 : findRow(before.access.index, from, to, of);
    const then = rowBefore < 0 ? new Map() : allowedByRow(before, rowBefore, keyBefore);
    for (const [condition, { perms }] of allowedByRow(db, row, keyOf)) {
      if ((perms & ~names.permsHere(tclass, then.get(condition)?.perms ?? 0)) !== 0) return true;
    }
    return false;
  }
}

function members({ types }: Policydb): (value: number) => readonly number[] {
  const lists = types.names.map((_, value) =>
    types.isAttribute[value] === true ? [...(types.members[value] ?? [])] : [value],
  );
  return (value) => lists[value] ?? [];
}

/** The types of an attribute that the attribute of that name did not have. */
function membersSince(
  before: Policydb,
  db: Policydb,
  names: Correspondence,
  expand: (value: number) => readonly number[],
): (value: number) => readonly number[] {
  const lists = db.types.names.map((_, value) => {
    if (db.types.isAttribute[value] !== true) return [];
    const had = before.types.members[names.types[value] ?? 0];
    return expand(value).filter((type) => had?.has(names.types[type] ?? 0) !== true);
  });
  return (value) => lists[value] ?? [];
}
