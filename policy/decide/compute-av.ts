import type { Constraint } from '../policydb/constraint.ts';
import type { Context } from '../policydb/context.ts';
import { findRow } from '../policydb/key-index.ts';
import { tripleKey } from '../policydb/policydb.ts';
import { mayHave } from '../policydb/presence.ts';
import { holds } from './constraints.ts';
import type { State } from './state.ts';

/** What the rules say, as bits of the class. */
export interface RuleAccess {
  readonly allowed: number;
  readonly auditallow: number;
  readonly auditdeny: number;
}

/** Access vectors as bits of the class: what each stage left allowed, the last of them being `allowed`. */
export interface Access extends RuleAccess {
  readonly byRules: number;
  readonly byConstraints: number;
  readonly byRoles: number;
}

/** computeAv in libsepol's order (context_struct_compute_av): rules, constraints, role allow, bounds. */
export function computeAccess(state: State, source: Context, target: Context, tclass: number): Access {
  const { allowed: byRules, auditallow, auditdeny } = ruleAccess(state, source.type, target.type, tclass);
  const byConstraints = byRules === 0 ? 0 : byRules & ~constrained(state, source, target, tclass, byRules);
  const byRoles = byConstraints & ~roleDenied(state, source, target, tclass);
  let allowed = byRoles;
  const parents = allowed === 0 ? undefined : boundedBy(state, source, target);
  if (parents !== undefined) allowed &= computeAccess(state, parents.source, parents.target, tclass).allowed;
  return { byRules, byConstraints, byRoles, allowed, auditallow, auditdeny };
}

/** What the rules say, attributes and enabled conditionals included. */
export function ruleAccess(state: State, sourceType: number, targetType: number, tclass: number): RuleAccess {
  const { access, types } = state.db;
  const { presence } = state;
  const { branches } = access;
  const { starts, values } = types.attributesOf;
  const sourcesEnd = starts[sourceType + 1] as number;
  const targetsStart = starts[targetType] as number;
  const targetsEnd = starts[targetType + 1] as number;
  let allowed = 0;
  let auditallow = 0;
  let auditdeny = -1;
  for (let i = starts[sourceType] as number; i < sourcesEnd; i++) {
    const source = values[i] as number;
    if (!mayHave(presence.sources, source, tclass)) continue;
    for (let j = targetsStart; j < targetsEnd; j++) {
      const target = values[j] as number;
      if (!mayHave(presence.targets, target, tclass)) continue;
      const row = findRow(access.index, source, target, tclass);
      if (row < 0) continue;
      allowed |= access.allow.data[row] as number;
      auditallow |= access.auditallow.data[row] as number;
      auditdeny &= access.auditdeny.data[row] as number;
      let entry = access.conditional.data[row] as number;
      for (; entry >= 0; entry = branches.next.data[entry] as number) {
        if (state.branchOn[branches.branch.data[entry] as number] !== 1) continue;
        allowed |= branches.allow.data[entry] as number;
        auditallow |= branches.auditallow.data[entry] as number;
        auditdeny &= branches.auditdeny.data[entry] as number;
      }
    }
  }
  return { allowed, auditallow, auditdeny };
}

/** The permissions among `asked` that some constraint takes away. */
function constrained(state: State, source: Context, target: Context, tclass: number, asked: number): number {
  let removed = 0;
  for (const constraint of state.db.classData[tclass]?.constraints ?? []) {
    if ((constraint.perms & asked & ~removed) === 0) continue;
    if (!holds(constraint, source, target, undefined)) removed |= constraint.perms;
  }
  return removed;
}

/** The constraints that take one of `perms` away. */
export function failingConstraints(
  state: State,
  source: Context,
  target: Context,
  tclass: number,
  perms: number,
): readonly Constraint[] {
  const constraints = state.db.classData[tclass]?.constraints ?? [];
  return constraints.filter((one) => (one.perms & perms) !== 0 && !holds(one, source, target, undefined));
}

/** A process that changes its role needs a role allow; only class `process` is looked at. */
export function roleDenied(state: State, source: Context, target: Context, tclass: number): number {
  if (tclass !== state.processClass || source.role === target.role) return 0;
  return state.db.roleAllows.has(tripleKey(source.role, target.role, 0)) ? 0 : state.processTransitions;
}

/** Whose permissions bound these, when the source's type has a parent. */
export function boundedBy(
  state: State,
  source: Context,
  target: Context,
): { source: Context; target: Context } | undefined {
  const { bounds } = state.db.types;
  const parent = bounds[source.type] ?? 0;
  if (parent === 0) return undefined;
  const targetParent = bounds[target.type] ?? 0;
  return {
    source: { ...source, type: parent },
    target: targetParent === 0 ? target : { ...target, type: targetParent },
  };
}
