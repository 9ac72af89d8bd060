import type { Policydb } from '../policydb/policydb.ts';

/** How many sets of permissions are remembered of a class; when full, all are forgotten. */
const setsRememberedMax = 256;

/** Turns bits of a class into names in declared order. Answers are shared and frozen: most decisions have the same few. */
export function rememberPermissionNames(db: Policydb): (tclass: number, bits: number) => readonly string[] {
  const remembered: Map<number, readonly string[]>[] = db.classData.map(() => new Map());
  return (tclass, bits) => {
    const sets = remembered[tclass];
    const found = sets?.get(bits);
    if (found !== undefined) return found;
    const perms = db.classData[tclass]?.perms ?? [];
    const names = Object.freeze(perms.filter((_, index) => (bits & (1 << index)) !== 0));
    if (sets !== undefined && sets.size >= setsRememberedMax) sets.clear();
    sets?.set(bits, names);
    return names;
  };
}
