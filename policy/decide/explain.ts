import type { DenialReason, Explanation, RuleSource } from '../policy.ts';
import { ALLOW, UNCONDITIONAL } from '../policydb/access-table.ts';
import type { Context } from '../policydb/context.ts';
import { findRow } from '../policydb/key-index.ts';
import { listAt } from '../policydb/lists.ts';
import { type Access, computeAccess } from './compute-av.ts';
import { conditionOf } from './conditions.ts';
import { type Repair, repairOf } from './repair.ts';
import type { State } from './state.ts';
import { failedConstraint } from './trace.ts';

/** Turns a statement's number into what can be shown. */
export type Describe = (statement: number) => RuleSource;

/** The stage that took the permission away, or undefined when it is allowed. */
export function removedBy(access: Access, bit: number): DenialReason | undefined {
  if ((access.byRules & bit) === 0) return 'TE';
  if ((access.byConstraints & bit) === 0) return 'CONS';
  if ((access.byRoles & bit) === 0) return 'RBAC';
  return (access.allowed & bit) === 0 ? 'BOUNDS' : undefined;
}

/** Why one permission (`bit` of the class) is allowed or not, and what would change the answer; see policy.ts. */
export function explainAccess(
  state: State,
  describe: Describe,
  source: Context,
  target: Context,
  tclass: number,
  bit: number,
): Explanation {
  const rules = allowRules(state, source.type, target.type, tclass, bit);
  const granting = rules.on.map(describe);
  const reason = removedBy(computeAccess(state, source, target, tclass), bit);
  if (reason === undefined) return { allowed: true, granting };
  const off = [...rules.off].map(([statement, branch]) => ({ ...describe(statement), ...conditionOf(state, branch) }));
  const repair = repairOf(state, source, target, tclass, bit);
  return {
    allowed: false,
    granting,
    ...(reason === 'TE' && off.length > 0 ? { off } : {}),
    reason,
    ...('missing' in repair ? { missing: repair.missing.join('\n') } : inTheWay(state, describe, repair)),
    ...('missing' in repair && reason === 'BOUNDS' ? boundsOf(state, describe, source) : {}),
  };
}

/** What no rule gets past: the constraints with their values, or the neverallow. */
function inTheWay(state: State, describe: Describe, repair: Extract<Repair, { obstacle: unknown }>) {
  const { obstacle, source, target } = repair;
  if (repair.neverallow !== undefined) return { obstacle, blocking: describe(repair.neverallow) };
  const constraints = (repair.constraints ?? []).map((one) =>
    failedConstraint(state.db, describe(one.statement), one, source, target),
  );
  const [first] = constraints;
  return { obstacle, constraints, ...(first === undefined ? {} : { blocking: first.rule }) };
}

/** The statement that bounds the source's type; a dotted name has none. */
function boundsOf(state: State, describe: Describe, source: Context) {
  const statement = state.db.types.boundsStatement[source.type] ?? -1;
  return statement < 0 ? {} : { blocking: describe(statement) };
}

/** The statements that allow the permission now, and by branch those that are off; both in source order. */
function allowRules(state: State, sourceType: number, targetType: number, tclass: number, bit: number) {
  const { access, types, spans } = state.db;
  const { origins } = access;
  const on = new Set<number>();
  const off = new Map<number, number>();
  for (const source of listAt(types.attributesOf, sourceType)) {
    for (const target of listAt(types.attributesOf, targetType)) {
      const row = findRow(access.index, source, target, tclass);
      if (row < 0) continue;
      for (let origin = origins.first.data[row] ?? -1; origin >= 0; origin = origins.next.data[origin] ?? -1) {
        if (origins.vector.data[origin] !== ALLOW || ((origins.perms.data[origin] ?? 0) & bit) === 0) continue;
        const branch = origins.branch.data[origin] ?? UNCONDITIONAL;
        const statement = origins.statement.data[origin] ?? 0;
        if (branch === UNCONDITIONAL || state.branchOn[branch] === 1) on.add(statement);
        else off.set(statement, branch);
      }
    }
  }
  const byPlace = (left: number, right: number): number => (spans.starts[left] ?? 0) - (spans.starts[right] ?? 0);
  return { on: [...on].sort(byPlace), off: [...off].sort(([left], [right]) => byPlace(left, right)) };
}
