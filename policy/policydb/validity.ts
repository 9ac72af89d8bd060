import { hasBit, includesAll } from './bitmap.ts';
import { type Context, dominates, OBJECT_ROLE, type Range, rangeContains } from './context.ts';
import type { Mls, Policydb } from './policydb.ts';

/** Why a context of known values is not valid (policydb_context_isvalid, mls_context_isvalid); undefined when it is. */
export function whyInvalid(db: Policydb, context: Context): string | undefined {
  const whyRange = db.mls === undefined ? undefined : whyRangeInvalid(db.mls, context.range);
  return whyRange ?? whyNotTogether(db, context);
}

/** Why user, role, type and a range that is valid in itself do not go together. */
export function whyNotTogether(db: Policydb, context: Context): string | undefined {
  const { user, role, type, range } = context;
  const datum = db.userData[user];
  if (datum === undefined) return 'the user is not declared';
  if (role !== OBJECT_ROLE) {
    const types = db.roles.types[role];
    if (types === undefined || !hasBit(types, type)) {
      return `role \`${db.roles.names[role] ?? ''}\` may not have type \`${db.types.names[type] ?? ''}\``;
    }
    if (!hasBit(datum.roles, role)) {
      return `user \`${db.users.names[user] ?? ''}\` may not have role \`${db.roles.names[role] ?? ''}\``;
    }
  }
  if (db.mls !== undefined && role !== OBJECT_ROLE && !rangeContains(datum.range, range)) {
    return `the range is outside the range of user \`${db.users.names[user] ?? ''}\``;
  }
  return undefined;
}

/** Why a range of known values is not valid, whoever has it (mls_range_isvalid). */
export function whyRangeInvalid(mls: Mls, range: Range): string | undefined {
  if (!dominates(range.high, range.low)) return 'the high level does not dominate the low one';
  for (const level of [range.low, range.high]) {
    const legal = mls.legal[level.sensitivity];
    if (legal === undefined || !includesAll(legal, level.categories)) {
      return 'a category does not go with its sensitivity';
    }
  }
  return undefined;
}
