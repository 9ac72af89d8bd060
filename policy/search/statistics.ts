import { partsOf } from '../decide/create-policy.ts';
import type { Policy } from '../policy.ts';
import type { Constraint } from '../policydb/constraint.ts';
import type { Names, Policydb } from '../policydb/policydb.ts';
import { listRules } from './list-rules.ts';
import { accessKinds, type RuleKind, roleKinds, typeKinds, xpermKinds } from './listed-rule.ts';

/** What a policy has, by name, counted as seinfo does; rules of the same key are one, as in a binary policy. */
export function countPolicy(policy: Policy): Readonly<Record<string, number>> {
  const { db } = partsOf(policy);
  const { types } = db;
  const declared = (names: Names): number => names.names.length - 1;
  const attributes = types.isAttribute.filter((is) => is).length;
  return {
    Classes: declared(db.classes),
    Permissions: countPermissions(db),
    Sensitivities: db.mls === undefined ? 0 : declared(db.mls.sensitivities),
    Categories: db.mls === undefined ? 0 : declared(db.mls.categories),
    Types: declared(types) - attributes,
    Attributes: attributes,
    Users: declared(db.users),
    Roles: db.roles.isAttribute.filter((is, role) => role > 0 && !is).length,
    Booleans: db.booleans.names.filter((_, boolean) => boolean > 0 && db.tunables[boolean] !== true).length,
    Conditionals: db.conditionals.length,
    ...countRules(db),
    ...countConstraints(db),
    Permissives: types.permissive.filter((is) => is).length,
    Polcap: db.capabilities.size,
    Defaults: db.classData.reduce((sum, datum) => sum + Object.keys(datum?.defaults ?? {}).length, 0),
    Typebounds: types.bounds.filter((parent) => parent > 0).length,
    Neverallow: db.neverallows.length,
    'Initial SIDs': db.initialContexts.filter((context) => context !== undefined).length,
  };
}

/** Those of a common once. A class that begins with the permissions of a common has them from it. */
function countPermissions({ commons, classData }: Policydb): number {
  const common = [...commons.values()].map(({ perms }) => perms);
  const inherited = (perms: readonly string[]): number =>
    Math.max(0, ...common.map((some) => (some.every((perm, bit) => perms[bit] === perm) ? some.length : 0)));
  const own = classData.flatMap((datum) => (datum === undefined ? [] : [datum.perms.length - inherited(datum.perms)]));
  return [...own, ...common.map((perms) => perms.length)].reduce((sum, count) => sum + count, 0);
}

function countRules(db: Policydb): Record<string, number> {
  const kinds: readonly RuleKind[] = [...accessKinds, ...xpermKinds, ...typeKinds, 'range_transition', ...roleKinds];
  const counts = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  for (const { kind } of listRules(db, new Set(kinds))) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** A constraint that compares levels is an MLS one; a binary policy does not say how it was written. */
function countConstraints({ classData }: Policydb): Record<string, number> {
  const ofLevels = ({ steps }: Constraint): boolean =>
    steps.some((step) => step.op === 'attribute' && /^[lh]/.test(step.attribute));
  const constraints = classData.flatMap((datum) => datum?.constraints ?? []);
  const validations = classData.flatMap((datum) => datum?.validations ?? []);
  return {
    constrain: constraints.filter((one) => !ofLevels(one)).length,
    mlsconstrain: constraints.filter(ofLevels).length,
    validatetrans: validations.filter((one) => !ofLevels(one)).length,
    mlsvalidatetrans: validations.filter(ofLevels).length,
  };
}
