import type { Explanation, RuleSource } from '../policy.ts';
import { ALLOW, UNCONDITIONAL } from '../policydb/access-table.ts';
import type { Context } from '../policydb/context.ts';
import { findRow } from '../policydb/key-index.ts';
import { boundedBy, failingConstraint, roleDenied, ruleAccess } from './compute-av.ts';
import type { State } from './state.ts';

/** Turns a statement's number into what can be shown. */
export type Describe = (statement: number) => RuleSource;

/**
 * Why one permission (`bit` of the class, named `perm`) is allowed or not. `missing` is given where adding it would
 * turn the answer; where a constraint stands in the way no rule can, and `blocking` names the constraint.
 */
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
  const byRules = (ruleAccess(state, source.type, target.type, tclass).allowed & bit) !== 0;
  const constraint = failingConstraint(state, source, target, tclass, bit);
  const byRole = (roleDenied(state, source, target, tclass) & bit) === 0;
  const parents = boundedBy(state, source, target);
  const parent =
    parents === undefined ? undefined : explainAccess(state, describe, parents.source, parents.target, tclass, bit);
  const byBounds = parent === undefined || parent.allowed;

  const needed: (string | undefined)[] = [];
  if (!byRules) needed.push(allowRule(state, source, target, tclass, bit));
  if (!byRole) needed.push(`allow ${state.db.roles.names[source.role]} ${state.db.roles.names[target.role]};`);
  if (!byBounds) needed.push(parent.missing);
  const missing =
    constraint === undefined && needed.length > 0 && !needed.includes(undefined) ? { missing: needed.join('\n') } : {};
  const blocked = constraint === undefined ? {} : { blocking: describe(constraint.statement) };

  const off = rules.off.length === 0 ? {} : { off: rules.off.map(describe) };
  if (!byRules) return { allowed: false, granting, ...off, reason: 'TE', ...blocked, ...missing };
  if (constraint !== undefined) return { allowed: false, granting, reason: 'CONS', ...blocked };
  if (!byRole) return { allowed: false, granting, reason: 'RBAC', ...missing };
  if (byBounds) return { allowed: true, granting };
  const bounds = state.db.types.boundsStatement[source.type] ?? -1;
  const blocking = parent.blocking ?? (bounds < 0 ? undefined : describe(bounds));
  return { allowed: false, granting, reason: 'BOUNDS', ...(blocking === undefined ? {} : { blocking }), ...missing };
}

/** The statements that allow the permission now, and those in branches that are off; both in source order. */
function allowRules(state: State, sourceType: number, targetType: number, tclass: number, bit: number) {
  const { access, types, spans } = state.db;
  const { origins } = access;
  const on = new Set<number>();
  const off = new Set<number>();
  for (const source of types.attributesOf[sourceType] ?? []) {
    for (const target of types.attributesOf[targetType] ?? []) {
      const row = findRow(access.index, source, target, tclass);
      if (row < 0) continue;
      for (let origin = access.origin.data[row] ?? -1; origin >= 0; origin = origins.next.data[origin] ?? -1) {
        if (origins.vector.data[origin] !== ALLOW || ((origins.perms.data[origin] ?? 0) & bit) === 0) continue;
        const branch = origins.branch.data[origin] ?? UNCONDITIONAL;
        const found = branch === UNCONDITIONAL || state.branchOn[branch] === 1 ? on : off;
        found.add(origins.statement.data[origin] ?? 0);
      }
    }
  }
  const inOrder = (found: Set<number>): number[] =>
    [...found].sort((left, right) => (spans.starts[left] ?? 0) - (spans.starts[right] ?? 0));
  return { on: inOrder(on), off: inOrder(off) };
}

/** The rule as audit2allow writes it. */
function allowRule(state: State, source: Context, target: Context, tclass: number, bit: number): string {
  const { types, classData } = state.db;
  const datum = classData[tclass];
  const to = source.type === target.type ? 'self' : types.names[target.type];
  const perm = datum?.perms[31 - Math.clz32(bit)] ?? '';
  return `allow ${types.names[source.type]} ${to}:${datum?.name ?? ''} ${perm};`;
}
