import type {
  AccessVector,
  CommandAccess,
  Computed,
  DenialReason,
  Explanation,
  LoadedPolicy,
  Policy,
  Validation,
} from '../policy.ts';
import { bitsOf } from '../policydb/bitmap.ts';
import { dominates, rangeContains } from '../policydb/context.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { tripleKey } from '../policydb/policydb.ts';
import { findTypeRule } from '../policydb/type-table.ts';
import { whyInvalid } from '../policydb/validity.ts';
import { computeAccess } from './compute-av.ts';
import { computeCommand } from './compute-command.ts';
import { computeSid, type SidKind } from './compute-sid.ts';
import { holds } from './constraints.ts';
import { formatContext, formatLevel, formatRange, parseRange } from './context-text.ts';
import { type Describe, explainAccess, removedBy } from './explain.ts';
import { rememberPermissionNames } from './permission-names.ts';
import { rememberContexts } from './remember.ts';
import { createState, type Flavour } from './state.ts';
import { failedConstraint } from './trace.ts';

/** What a policy is made of. */
export interface PolicyParts {
  readonly db: Policydb;
  readonly digest: string;
  readonly seqno: number;
  readonly flavour: Flavour;
  readonly describe: Describe;
  /** By boolean value. */
  readonly booleans: readonly boolean[];
}

const partsByPolicy = new WeakMap<Policy, PolicyParts>();

/** What a policy was made of, for those who list rules rather than ask questions. */
export function partsOf(policy: Policy): PolicyParts {
  const parts = partsByPolicy.get(policy);
  if (parts === undefined) throw new TypeError('not a policy of this engine');
  return parts;
}

/** The public face over a database; see policy.ts for what each answer means. */
export function createPolicy(parts: PolicyParts): LoadedPolicy {
  const { db, digest, seqno, describe } = parts;
  const state = createState(db, parts.flavour, parts.booleans);
  const contextOf = rememberContexts(db);
  const permissionNames = rememberPermissionNames(db);
  const classOf = (tclass: string): number => db.classes.values.get(tclass) ?? 0;

  const compute = (kind: SidKind, scontext: string, tcontext: string, tclass: string, name?: string): Computed => {
    const source = contextOf(scontext);
    const target = contextOf(tcontext);
    const value = classOf(tclass);
    if (source === undefined) return { ok: false, reason: 'INVALID_SOURCE' };
    if (target === undefined) return { ok: false, reason: 'INVALID_TARGET' };
    if (value === 0) return { ok: false, reason: 'UNKNOWN_CLASS' };
    const computed = computeSid(state, kind, source, target, value, name);
    if (computed === undefined) return { ok: false, reason: 'INVALID_RESULT' };
    const context = formatContext(db, computed.context);
    if (whyInvalid(db, computed.context) !== undefined) return { ok: false, reason: 'INVALID_RESULT', context };
    return computed.statement < 0 ? { ok: true, context } : { ok: true, context, rule: describe(computed.statement) };
  };

  let booleans: LoadedPolicy['booleans'] | undefined;
  const policy: LoadedPolicy = {
    digest,
    seqno,
    mls: db.mls !== undefined,
    get booleans() {
      booleans ??= booleansByName(db, parts.booleans);
      return booleans;
    },
    declares(tclass, perms) {
      const datum = db.classData[classOf(tclass)];
      return datum !== undefined && perms.every((perm) => datum.bits.has(perm));
    },
    canonical(text) {
      const context = contextOf(text);
      return context === undefined ? undefined : formatContext(db, context);
    },
    computeAv(scontext, tcontext, tclass): AccessVector {
      const source = contextOf(scontext);
      const target = contextOf(tcontext);
      const value = classOf(tclass);
      if (source === undefined || target === undefined || value === 0) {
        return { allowed: [], auditallow: [], auditdeny: permissionNames(value, -1), seqno, permissive: false };
      }
      const access = computeAccess(state, source, target, value);
      return {
        allowed: permissionNames(value, access.allowed),
        auditallow: permissionNames(value, access.auditallow),
        auditdeny: permissionNames(value, access.auditdeny),
        seqno,
        permissive: db.types.permissive[source.type] === true,
      };
    },
    computeTransition: (scontext, tcontext, tclass, name) =>
      compute('type_transition', scontext, tcontext, tclass, name),
    computeChange: (scontext, tcontext, tclass) => compute('type_change', scontext, tcontext, tclass),
    computeMember: (scontext, tcontext, tclass) => compute('type_member', scontext, tcontext, tclass),
    validateTransition(oldcontext, newcontext, taskcontext, tclass): Validation {
      const [before, after, task] = [oldcontext, newcontext, taskcontext].map(contextOf);
      const datum = db.classData[classOf(tclass)];
      if (datum === undefined) return { ok: false, reason: 'UNKNOWN' };
      if (before === undefined || after === undefined || task === undefined) return { ok: false, reason: 'INVALID' };
      const broken = datum.validations.find((rule) => !holds(rule, before, after, task));
      if (broken === undefined) return { ok: true };
      const failed = failedConstraint(db, describe(broken.statement), broken, before, after, task);
      return { ok: false, reason: 'CONS', blocking: failed.rule, failed };
    },
    explain(scontext, tcontext, tclass, perm): Explanation {
      const source = contextOf(scontext);
      const target = contextOf(tcontext);
      const value = classOf(tclass);
      const bit = db.classData[value]?.bits.get(perm);
      if (bit === undefined) return { allowed: false, granting: [], reason: 'UNKNOWN' };
      if (source === undefined || target === undefined) return { allowed: false, granting: [], reason: 'INVALID' };
      return explainAccess(state, describe, source, target, value, bit);
    },
    reasons(scontext, tcontext, tclass, perms) {
      const source = contextOf(scontext);
      const target = contextOf(tcontext);
      const datum = db.classData[classOf(tclass)];
      const asked = perms ?? datum?.perms ?? ['*'];
      const found = new Map<string, DenialReason>();
      const access =
        source === undefined || target === undefined
          ? undefined
          : computeAccess(state, source, target, classOf(tclass));
      for (const perm of asked) {
        const bit = datum?.bits.get(perm);
        const reason = bit === undefined ? 'UNKNOWN' : access === undefined ? 'INVALID' : removedBy(access, bit);
        if (reason !== undefined) found.set(perm, reason);
      }
      return found;
    },
    computeCommand(scontext, tcontext, tclass, perm, command): CommandAccess {
      const source = contextOf(scontext);
      const target = contextOf(tcontext);
      const value = classOf(tclass);
      const bit = db.classData[value]?.bits.get(perm);
      const refused = { allowed: false, audited: true, ruled: false } as const;
      if (bit === undefined) return { ...refused, reason: 'UNKNOWN' };
      if (source === undefined || target === undefined) return { ...refused, reason: 'INVALID' };
      return computeCommand(state, source, target, value, bit, command);
    },
    dominates(level, other) {
      if (db.mls === undefined || level.includes('-') || other.includes('-')) return undefined;
      const [left, right] = [parseRange(db.mls, level), parseRange(db.mls, other)];
      return left === undefined || right === undefined ? undefined : dominates(left.low, right.low);
    },
    contains(range, other) {
      if (db.mls === undefined) return undefined;
      const [outer, inner] = [parseRange(db.mls, range), parseRange(db.mls, other)];
      return outer === undefined || inner === undefined ? undefined : rangeContains(outer, inner);
    },
    user(name) {
      const datum = db.userData[db.users.values.get(name) ?? 0];
      if (datum === undefined) return undefined;
      const roles = bitsOf(datum.roles).map((role) => db.roles.names[role] ?? '');
      if (db.mls === undefined) return { roles };
      return { roles, level: formatLevel(db.mls, datum.level), range: formatRange(db.mls, datum.range, '-') };
    },
    hasTypeRule(kind, scontext, tcontext, tclass) {
      const source = contextOf(scontext);
      const target = contextOf(tcontext);
      const value = classOf(tclass);
      if (source === undefined || target === undefined || value === 0) return false;
      if (findTypeRule(db.typeRules[kind], source.type, target.type, value, state.branchOn) >= 0) return true;
      if (kind !== 'type_transition') return false;
      const key = tripleKey(source.type, target.type, value);
      return [...db.fileNameRules.values()].some((rules) => rules.has(key));
    },
    withBooleans(values, nextSeqno) {
      const booleans = [...parts.booleans];
      for (const [name, value] of Object.entries(values)) {
        const boolean = db.booleans.values.get(name);
        if (boolean === undefined || db.tunables[boolean] === true) throw new RangeError(`unknown boolean \`${name}\``);
        booleans[boolean] = value;
      }
      return createPolicy({ ...parts, booleans, seqno: nextSeqno });
    },
  };
  partsByPolicy.set(policy, parts);
  return policy;
}

function booleansByName(db: Policydb, values: readonly boolean[]): ReadonlyMap<string, boolean> {
  const names = db.booleans.names.filter((_, value) => value > 0 && db.tunables[value] !== true).sort();
  return new Map(names.map((name) => [name, values[db.booleans.values.get(name) ?? 0] === true]));
}
