import { findRow } from '../policydb/key-index.ts';
import { listAt } from '../policydb/lists.ts';
import type { Policydb } from '../policydb/policydb.ts';

/** What the rules allow, by the key of the condition (see branch-key.ts): '' has what is allowed whatever the booleans are. */
export type Allowed = ReadonlyMap<string, Grant>;

export interface Grant {
  readonly perms: number;
  /** A branch with that key. */
  readonly branch: number;
}

/** What one row of the access table allows. */
export function allowedByRow(
  db: Policydb,
  row: number,
  keyOf: (branch: number) => string,
  into = new Map<string, Grant>(),
) {
  const { access } = db;
  const { branches } = access;
  const add = (branch: number, perms: number): void => {
    if (perms === 0) return;
    const key = keyOf(branch);
    into.set(key, { perms: perms | (into.get(key)?.perms ?? 0), branch });
  };
  add(-1, access.allow.data[row] ?? 0);
  for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
    add(branches.branch.data[entry] ?? -1, branches.allow.data[entry] ?? 0);
  }
  return into;
}

/** What the rules allow a type on a type, attributes included. What both sides of a condition allow is allowed in any case. */
export function allowedPair(
  db: Policydb,
  source: number,
  target: number,
  tclass: number,
  keyOf: (branch: number) => string,
): Allowed {
  const found = new Map<string, Grant>();
  for (const from of listAt(db.types.attributesOf, source)) {
    for (const to of listAt(db.types.attributesOf, target)) {
      const row = findRow(db.access.index, from, to, tclass);
      if (row >= 0) allowedByRow(db, row, keyOf, found);
    }
  }
  let always = found.get('')?.perms ?? 0;
  for (const { perms, branch } of found.values()) {
    if (branch >= 0) always |= perms & (found.get(keyOf(branch ^ 1))?.perms ?? 0);
  }
  if (always !== 0) found.set('', { perms: always, branch: -1 });
  return found;
}
