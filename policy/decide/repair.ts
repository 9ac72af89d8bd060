import { hasBit } from '../policydb/bitmap.ts';
import type { Constraint } from '../policydb/constraint.ts';
import type { Context } from '../policydb/context.ts';
import { findRow } from '../policydb/key-index.ts';
import { listAt } from '../policydb/lists.ts';
import { boundedBy, failingConstraints, roleDenied, ruleAccess } from './compute-av.ts';
import type { State } from './state.ts';

/** What would turn a refusal: statements to add, or the first thing that no statement gets past. */
export type Repair =
  | { readonly missing: readonly string[] }
  | {
      readonly obstacle: 'constraint' | 'neverallow' | 'bounds';
      /** The neverallow, or the constraints that are false for these contexts. */
      readonly neverallow?: number;
      readonly constraints?: readonly Constraint[];
      readonly source: Context;
      readonly target: Context;
    };

/**
 * The fewest statements that would allow `bit`, as audit2allow writes them: an allow rule, a role allow, and the same for
 * the parent that bounds the source's type. None of them is one that the policy's neverallow rules or bounds would then
 * refuse to load.
 */
export function repairOf(state: State, source: Context, target: Context, tclass: number, bit: number): Repair {
  return repairUnder(state, source, target, tclass, bit, false);
}

/** `childAdded`: a child got an unconditional rule, which its parent must match with an unconditional one. */
function repairUnder(
  state: State,
  source: Context,
  target: Context,
  tclass: number,
  bit: number,
  childAdded: boolean,
): Repair {
  const constraints = failingConstraints(state, source, target, tclass, bit);
  if (constraints.length > 0) return { obstacle: 'constraint', constraints, source, target };
  const missing: string[] = [];
  const granted = (ruleAccess(state, source.type, target.type, tclass).allowed & bit) !== 0;
  const added = !granted || (childAdded && !alwaysGranted(state, source.type, target.type, tclass, bit));
  if (added) {
    const neverallow = forbidding(state, source.type, target.type, tclass, bit);
    if (neverallow !== undefined) return { obstacle: 'neverallow', neverallow, source, target };
    missing.push(allowRule(state, source, target, tclass, bit));
  }
  if ((roleDenied(state, source, target, tclass) & bit) !== 0) {
    missing.push(`allow ${state.db.roles.names[source.role]} ${state.db.roles.names[target.role]};`);
  }
  const parents = boundedBy(state, source, target);
  if (parents === undefined) return { missing };
  const above = repairUnder(state, parents.source, parents.target, tclass, bit, added);
  return 'obstacle' in above
    ? { ...above, obstacle: 'bounds' }
    : { missing: [...new Set([...missing, ...above.missing])] };
}

/** True when the rules grant it whatever the booleans are, as far as the check of bounds sees: always, or on both sides of one condition. */
function alwaysGranted(state: State, source: number, target: number, tclass: number, bit: number): boolean {
  const { access, types } = state.db;
  const { branches } = access;
  const sides = new Set<number>();
  for (const from of listAt(types.attributesOf, source)) {
    for (const to of listAt(types.attributesOf, target)) {
      const row = findRow(access.index, from, to, tclass);
      if (row < 0) continue;
      if (((access.allow.data[row] ?? 0) & bit) !== 0) return true;
      for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
        if (((branches.allow.data[entry] ?? 0) & bit) !== 0) sides.add(branches.branch.data[entry] ?? 0);
      }
    }
  }
  return [...sides].some((side) => sides.has(side ^ 1));
}

/** The statement of a neverallow rule that forbids it. */
function forbidding(state: State, source: number, target: number, tclass: number, bit: number): number | undefined {
  return state.db.neverallows.find(
    ({ sources, targets, self, perms }) =>
      ((perms.get(tclass) ?? 0) & bit) !== 0 &&
      hasBit(sources, source) &&
      (hasBit(targets, target) || (self && source === target)),
  )?.statement;
}

/** The rule as audit2allow writes it. */
function allowRule(state: State, source: Context, target: Context, tclass: number, bit: number): string {
  const { types, classData } = state.db;
  const datum = classData[tclass];
  const to = source.type === target.type ? 'self' : types.names[target.type];
  const perm = datum?.perms[31 - Math.clz32(bit)] ?? '';
  return `allow ${types.names[source.type]} ${to}:${datum?.name ?? ''} ${perm};`;
}
