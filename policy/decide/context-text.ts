import { bitsOf, createBitmap, setBit } from '../policydb/bitmap.ts';
import { type Context, type Level, NO_RANGE, type Range, sameLevel } from '../policydb/context.ts';
import type { Mls, Policydb } from '../policydb/policydb.ts';
import { whyNotTogether, whyRangeInvalid } from '../policydb/validity.ts';

/** The characters a context may have; the kernel takes a page. */
export const contextCharsMax = 4096;

/**
 * Reads `user:role:type[:low[-high]]`. Undefined unless it is valid in the policy. libsepol takes anything after the
 * high level (`s0-s1:c0-x`); here that is no context. `rangeOf` reads the valid ranges of the policy.
 */
export function parseContext(
  db: Policydb,
  text: string,
  rangeOf: (text: string) => Range | undefined,
): Context | undefined {
  if (text.length > contextCharsMax) return undefined;
  const afterUser = text.indexOf(':');
  const afterRole = text.indexOf(':', afterUser + 1);
  if (afterUser < 0 || afterRole < 0) return undefined;
  const afterType = text.indexOf(':', afterRole + 1);
  const user = db.users.values.get(text.slice(0, afterUser));
  const role = db.roles.values.get(text.slice(afterUser + 1, afterRole));
  const type = db.types.values.get(text.slice(afterRole + 1, afterType < 0 ? undefined : afterType));
  if (user === undefined || role === undefined || type === undefined) return undefined;
  if (db.roles.isAttribute[role] === true || db.types.isAttribute[type] === true) return undefined;
  if (afterType < 0 !== (db.mls === undefined)) return undefined;
  const range = afterType < 0 ? NO_RANGE : rangeOf(text.slice(afterType + 1));
  if (range === undefined) return undefined;
  const context = { user, role, type, range };
  return whyNotTogether(db, context) === undefined ? context : undefined;
}

/** Reads `low[-high]`; undefined unless it is a valid range of the policy's levels. */
export function parseRange(mls: Mls, text: string): Range | undefined {
  if (text.length > contextCharsMax) return undefined;
  const match = /^([^:-]+)(?::([^:-]+))?(?:-([^:-]+)(?::([^:-]+))?)?$/.exec(text);
  if (match === null) return undefined;
  const low = parseLevel(mls, match[1], match[2]);
  const high = match[3] === undefined ? low : parseLevel(mls, match[3], match[4]);
  if (low === undefined || high === undefined) return undefined;
  const range = { low, high };
  return whyRangeInvalid(mls, range) === undefined ? range : undefined;
}

function parseLevel(mls: Mls, name: string | undefined, list: string | undefined): Level | undefined {
  const sensitivity = mls.sensitivities.values.get(name ?? '');
  if (sensitivity === undefined) return undefined;
  const categories = createBitmap(mls.categories.names.length - 1);
  for (const part of list?.split(',') ?? []) {
    const dot = part.indexOf('.');
    const first = mls.categories.values.get(dot < 0 ? part : part.slice(0, dot));
    const last = dot < 0 ? first : mls.categories.values.get(part.slice(dot + 1));
    if (first === undefined || last === undefined || (dot >= 0 && first >= last)) return undefined;
    for (let category = first; category <= last; category++) setBit(categories, category);
  }
  return { sensitivity, categories };
}

/** The canonical text: declared names, `low` alone when both ends are equal, three or more categories in a row as a range. */
export function formatContext(db: Policydb, context: Context): string {
  const names = [db.users.names[context.user], db.roles.names[context.role], db.types.names[context.type]].join(':');
  const { mls } = db;
  if (mls === undefined) return names;
  return `${names}:${formatRange(mls, context.range, '-')}`;
}

/** A range, `low` alone when both ends are equal. `between` stands between them: `-` in contexts, ` - ` in rules. */
export function formatRange(mls: Mls, { low, high }: Range, between: string): string {
  const lowText = formatLevel(mls, low);
  return sameLevel(low, high) ? lowText : `${lowText}${between}${formatLevel(mls, high)}`;
}

/** The canonical text of a level. */
export function formatLevel(mls: Mls, level: Level): string {
  const categories = bitsOf(level.categories);
  const name = (category: number | undefined): string => mls.categories.names[category ?? 0] ?? '';
  const parts: string[] = [];
  for (let from = 0; from < categories.length; ) {
    let to = from;
    while (categories[to + 1] === (categories[to] ?? 0) + 1) to++;
    parts.push(name(categories[from]));
    if (to > from) parts[parts.length - 1] += `${to > from + 1 ? '.' : ','}${name(categories[to])}`;
    from = to + 1;
  }
  const sensitivity = mls.sensitivities.names[level.sensitivity] ?? '';
  return parts.length === 0 ? sensitivity : `${sensitivity}:${parts.join(',')}`;
}
