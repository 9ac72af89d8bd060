import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { evaluateCondition } from '../policydb/conditional.ts';
import type { Policydb } from '../policydb/policydb.ts';

/** Up to so many booleans a condition is compared by its truth table, else by its steps. */
const tableBooleansMax = 10;

/** What side of what condition a branch is, so that it can be compared between policies: '' outside conditions. */
export function branchKeys(db: Policydb): (branch: number) => string {
  const known = new Map<number, string>([[UNCONDITIONAL, '']]);
  return (branch) => {
    const found = known.get(branch);
    if (found !== undefined) return found;
    const key = keyOf(db, branch);
    known.set(branch, key);
    return key;
  };
}

/** `if (! a)` and the other side of `if (a)` have the same key. */
function keyOf(db: Policydb, branch: number): string {
  const steps = db.conditionals[branch >> 1]?.steps ?? [];
  const wanted = (branch & 1) === 0;
  const nameOf = (value: number): string => db.booleans.names[value] ?? '';
  const booleans = [...new Set(steps.filter((step) => typeof step === 'number'))].sort((left, right) =>
    nameOf(left) < nameOf(right) ? -1 : 1,
  );
  if (booleans.length > tableBooleansMax) {
    return `${wanted} ${steps.map((step) => (typeof step === 'number' ? nameOf(step) : step)).join(' ')}`;
  }
  let table = '';
  for (let row = 0; row < 1 << booleans.length; row++) {
    const values: boolean[] = [];
    booleans.forEach((boolean, bit) => {
      values[boolean] = (row & (1 << bit)) !== 0;
    });
    table += evaluateCondition(steps, values) === wanted ? '1' : '0';
  }
  return `${booleans.map(nameOf).join(' ')} ${table}`;
}
