import { partsOf } from '../../../policy/decide/create-policy.ts';
import type { Policy } from '../../../policy/policy.ts';
import { mustLoad } from './load.ts';
import type { RandomPolicy } from './random-policy.ts';

/** What random questions may name in a source, taken from the policy it makes. */
export function namesOf(text: string, policy: Policy = mustLoad(text)): RandomPolicy {
  const { db } = partsOf(policy);
  const declared = (names: readonly string[]): string[] => names.filter((name) => name !== '');
  return {
    text,
    mls: db.mls !== undefined,
    classes: declared(db.classes.names),
    types: declared(db.types.names).filter((name) => db.types.isAttribute[db.types.values.get(name) ?? 0] !== true),
    roles: declared(db.roles.names),
    users: declared(db.users.names),
    booleans: declared(db.booleans.names),
    sensitivities: declared(db.mls?.sensitivities.names ?? []),
    categories: declared(db.mls?.categories.names ?? []).slice(0, 5),
  };
}
