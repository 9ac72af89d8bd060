import type { DefaultValue } from '../language/ast.ts';
import { intersect } from '../policydb/bitmap.ts';
import { type Context, type Level, OBJECT_ROLE, type Range } from '../policydb/context.ts';
import { type ClassDatum, tripleKey } from '../policydb/policydb.ts';
import { findTypeRule } from '../policydb/type-table.ts';
import { isKernelSocket } from './kernel-sockets.ts';
import type { State } from './state.ts';

/** Which of the three questions: what a new object gets, what a relabelled one gets, what a member of a set gets. */
export type SidKind = 'type_transition' | 'type_change' | 'type_member';

/** A computed context, not yet checked for validity, and the statement whose type it has, or -1. */
export interface ComputedSid {
  readonly context: Context;
  readonly statement: number;
}

/**
 * The context for an object of the class (libsepol's sepol_compute_sid and mls_compute_sid; the kernel treats sockets
 * like processes, and knows rules by file name). Undefined when the two ranges have nothing in common (glblub).
 */
export function computeSid(
  state: State,
  kind: SidKind,
  source: Context,
  target: Context,
  tclass: number,
  name?: string,
): ComputedSid | undefined {
  const { db } = state;
  const datum = db.classData[tclass];
  const fromSource = tclass === state.processClass || isSocket(state, datum);
  const rule = typeRule(state, kind, source, target, tclass, name);
  const range = computeRange(state, kind, source, target, tclass, fromSource);
  if (range === undefined) return undefined;
  const user = kind === 'type_member' || datum?.defaults.user === 'target' ? target.user : source.user;
  const role = computeRole(state, kind, source, target, tclass, fromSource);
  const type = rule?.type ?? defaultSide(datum?.defaults.type, fromSource, source, target).type;
  return { context: { user, role, type, range }, statement: rule?.statement ?? -1 };
}

function isSocket(state: State, datum: ClassDatum | undefined): boolean {
  return state.flavour === 'kernel' && datum !== undefined && isKernelSocket(datum.name);
}

function defaultSide(value: DefaultValue | undefined, fromSource: boolean, source: Context, target: Context): Context {
  if (value === 'source') return source;
  if (value === 'target') return target;
  return fromSource ? source : target;
}

function typeRule(state: State, kind: SidKind, source: Context, target: Context, tclass: number, name?: string) {
  if (kind === 'type_transition' && name !== undefined) {
    const rule = state.db.fileNameRules.get(name)?.get(tripleKey(source.type, target.type, tclass));
    if (rule !== undefined) return { type: rule.value, statement: rule.statement };
  }
  const table = state.db.typeRules[kind];
  const entry = findTypeRule(table, source.type, target.type, tclass, state.branchOn);
  if (entry < 0) return undefined;
  return { type: table.type.data[entry] ?? 0, statement: table.statement.data[entry] ?? -1 };
}

function computeRole(
  state: State,
  kind: SidKind,
  source: Context,
  target: Context,
  tclass: number,
  fromSource: boolean,
): number {
  if (kind === 'type_transition') {
    const rule = state.db.roleTransitions.get(tripleKey(source.role, target.type, tclass));
    if (rule !== undefined) return rule.value;
  }
  const value = state.db.classData[tclass]?.defaults.role;
  if (value === 'source') return source.role;
  if (value === 'target') return target.role;
  return fromSource ? source.role : OBJECT_ROLE;
}

function computeRange(
  state: State,
  kind: SidKind,
  source: Context,
  target: Context,
  tclass: number,
  fromSource: boolean,
): Range | undefined {
  const { db } = state;
  if (db.mls === undefined) return source.range;
  if (kind === 'type_transition') {
    const rule = db.rangeTransitions.get(tripleKey(source.type, target.type, tclass));
    if (rule !== undefined) return rule.value;
    const value = db.classData[tclass]?.defaults.range;
    if (value !== undefined) return defaultRange(value, source.range, target.range);
  }
  if (kind !== 'type_member' && fromSource) return source.range;
  return { low: source.range.low, high: source.range.low };
}

function defaultRange(value: DefaultValue, source: Range, target: Range): Range | undefined {
  switch (value) {
    case 'source low':
      return { low: source.low, high: source.low };
    case 'source high':
      return { low: source.high, high: source.high };
    case 'target low':
      return { low: target.low, high: target.low };
    case 'target high':
      return { low: target.high, high: target.high };
    case 'target low-high':
      return target;
    case 'glblub':
      return overlap(source, target);
    default:
      return source;
  }
}

/** The greatest low and the least high sensitivity, each with the categories both have. */
function overlap(source: Range, target: Range): Range | undefined {
  if (source.low.sensitivity > target.high.sensitivity || target.low.sensitivity > source.high.sensitivity)
    return undefined;
  const join = (left: Level, right: Level, sensitivity: number): Level => ({
    sensitivity,
    categories: intersect(left.categories, right.categories),
  });
  return {
    low: join(source.low, target.low, Math.max(source.low.sensitivity, target.low.sensitivity)),
    high: join(source.high, target.high, Math.min(source.high.sensitivity, target.high.sensitivity)),
  };
}
