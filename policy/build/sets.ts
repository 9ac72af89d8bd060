import type { NameSet, Span } from '../language/ast.ts';
import { type Build, lookUp } from './builder.ts';

/** The members of a set that may not use `-`, `*` or `~` (classes, roles, users' roles), by value, rising; undefined after an error. */
export function plainSet(
  build: Build,
  span: Span,
  set: NameSet,
  what: 'class' | 'role' | 'user',
): readonly number[] | undefined {
  const known = build.memo[what];
  return recall(build, known, set) ?? remember(build, known, set, resolvePlainSet(build, span, set, what));
}

function resolvePlainSet(
  build: Build,
  span: Span,
  set: NameSet,
  what: 'class' | 'role' | 'user',
): number[] | undefined {
  const table = { class: build.db.classes, role: build.db.roles, user: build.db.users }[what];
  if (!isPlain(build, span, set, what)) return undefined;
  const values = set.names.map((name) => lookUp(build, table, span, what, name));
  return values.includes(0) ? undefined : sortedUnique(values);
}

/** True when the set is only names; else reports. */
export function isPlain(build: Build, span: Span, set: NameSet, what: string): boolean {
  if (set.form === 'list' && set.except.length === 0) return true;
  const sign = set.form === 'all' ? '*' : set.form === 'complement' ? '~' : '-';
  build.report.error(span, `\`${sign}\` is not allowed in a set of this kind (${what})`, { hint: 'list the names' });
  return false;
}

export interface TypeSetOptions {
  /** `*` and `~` are for neverallow only. */
  readonly starAllowed?: boolean;
  /** Attributes become their types even when the set has no `-`, `*` or `~`. */
  readonly expand?: boolean;
}

/** The types (and, unless expanded, attributes) of a set, rising; undefined after an error. `self` is not looked at. */
export function typeSet(
  build: Build,
  span: Span,
  set: NameSet,
  options: TypeSetOptions = {},
): readonly number[] | undefined {
  const known = options.expand === true ? build.memo.members : build.memo.types;
  return recall(build, known, set) ?? remember(build, known, set, resolveTypeSet(build, span, set, options));
}

function resolveTypeSet(build: Build, span: Span, set: NameSet, options: TypeSetOptions): number[] | undefined {
  const { types } = build.db;
  if (set.form !== 'list' && options.starAllowed !== true) {
    const sign = set.form === 'all' ? '*' : '~';
    build.report.error(span, `\`${sign}\` is not allowed in this kind of rule`, {
      hint: 'name the types, or use an attribute with `-`',
    });
    return undefined;
  }
  const values = set.names.map((name) => lookUp(build, types, span, 'type', name));
  const except = set.except.map((name) => lookUp(build, types, span, 'type', name));
  if (values.includes(0) || except.includes(0)) return undefined;
  if (set.form === 'list' && except.length === 0 && options.expand !== true) return sortedUnique(values);
  const removed = new Set(except.flatMap((value) => members(build, value)));
  const positive = set.form === 'all' ? allTypes(build) : values.flatMap((value) => members(build, value));
  const kept = positive.filter((value) => !removed.has(value));
  if (set.form !== 'complement') return sortedUnique(kept);
  const not = new Set(kept);
  return allTypes(build).filter((value) => !not.has(value));
}

/** How many values all remembered sets may have together. */
const rememberedMax = 4_000_000;

type Known = Map<NameSet, readonly number[]>;

/** What a list of names was found to be. Equal lists are one object, so most are seen again; not where names are local. */
function recall(build: Build, known: Known, set: NameSet): readonly number[] | undefined {
  return set.form === 'list' && build.local.size === 0 ? known.get(set) : undefined;
}

function remember(
  build: Build,
  known: Known,
  set: NameSet,
  found: number[] | undefined,
): readonly number[] | undefined {
  if (found === undefined || set.form !== 'list' || build.memo.values > rememberedMax) return found;
  known.set(set, found);
  build.memo.values += found.length + 1;
  return found;
}

/** The types of an attribute, or the type itself. */
export function members(build: Build, value: number): number[] {
  const { types } = build.db;
  return types.isAttribute[value] === true ? [...(types.members[value] ?? [])].sort((a, b) => a - b) : [value];
}

function allTypes(build: Build): number[] {
  const { types } = build.db;
  return types.names.flatMap((_, value) => (value > 0 && types.isAttribute[value] !== true ? [value] : []));
}

export function sortedUnique(values: readonly number[]): number[] {
  return values.length < 2 ? [...values] : [...new Set(values)].sort((a, b) => a - b);
}

/**
 * The permissions of a set for one class, as bits; undefined after an error. `*` is every permission of the class and
 * `~` every one not named.
 */
export function permissionSet(build: Build, span: Span, set: NameSet, tclass: number): number | undefined {
  const { perms } = build.memo;
  const known = perms.get(set);
  const bits = known?.[tclass] ?? resolvePermissions(build, span, set, tclass);
  if (bits === undefined || (known !== undefined && known[tclass] !== undefined)) return bits;
  if (known !== undefined) known[tclass] = bits;
  else if (set.form === 'list' && perms.size < rememberedMax) perms.set(set, sparse(tclass, bits));
  return bits;
}

function sparse(index: number, value: number): (number | undefined)[] {
  const made: (number | undefined)[] = [];
  made[index] = value;
  return made;
}

function resolvePermissions(build: Build, span: Span, set: NameSet, tclass: number): number | undefined {
  const datum = build.db.classData[tclass];
  if (datum === undefined) return undefined;
  const every = allPermissions(datum.perms.length);
  if (set.except.length > 0) {
    build.report.error(span, '`-` is not allowed in a set of permissions', {
      hint: 'list the permissions, or use `~`',
    });
    return undefined;
  }
  if (set.form === 'all') return every;
  let bits = 0;
  for (const name of set.names) {
    const bit = datum.bits.get(name);
    if (bit === undefined) {
      const hint = `the class has: ${datum.perms.join(' ')}`;
      build.report.error(span, `permission \`${name}\` is not defined for class \`${datum.name}\``, { name, hint });
      return undefined;
    }
    bits |= bit;
  }
  return set.form === 'complement' ? ~bits & every : bits;
}

export function allPermissions(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1;
}
