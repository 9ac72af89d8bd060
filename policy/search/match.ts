import { bitsOf } from '../policydb/bitmap.ts';
import type { Names, Policydb, RoleNames, TypeNames } from '../policydb/policydb.ts';
import type { Criteria, NamePattern, TypePattern } from './criteria.ts';
import type { ListedRule } from './listed-rule.ts';

/** A name that the policy does not have, or a regular expression that is none. The message is for people. */
export class SearchError extends Error {}

/** Looks the names of the criteria up. Answers a test for one rule of the database. */
export function matcher(db: Policydb, criteria: Criteria): (rule: ListedRule) => boolean {
  const onRoles = criteria.kinds.has('role_allow') || criteria.kinds.has('role_transition');
  const onTypes = [...criteria.kinds].some((kind) => kind !== 'role_allow' && kind !== 'role_transition');
  const sides = { types: onTypes || criteria.kinds.has('role_transition'), roles: onRoles };
  const source = endMatcher(db, criteria.source, { types: onTypes, roles: onRoles });
  const target = endMatcher(db, criteria.target, sides);
  const result = endMatcher(db, criteria.result, { types: onTypes, roles: onRoles });
  const classes = classMatcher(db, criteria.classes);
  const perms = permsMatcher(db, criteria);
  const branch = branchMatcher(db, criteria);
  return (rule) =>
    classes(rule.tclass) &&
    source(rule.kind === 'role_allow' || rule.kind === 'role_transition' ? 'roles' : 'types', rule.source) &&
    target(rule.kind === 'role_allow' ? 'roles' : 'types', rule.target) &&
    (criteria.result === undefined ||
      (typeof rule.result === 'number' && result(rule.kind === 'role_transition' ? 'roles' : 'types', rule.result))) &&
    perms(rule.tclass, rule.perms) &&
    branch(rule.branch);
}

type Space = 'types' | 'roles';
type EndMatcher = (space: Space, value: number) => boolean;

/** A name may be a type, a role, or both; it must be something where the kinds of rule look. */
function endMatcher(
  db: Policydb,
  pattern: TypePattern | undefined,
  spaces: Readonly<Record<Space, boolean>>,
): EndMatcher {
  if (pattern === undefined) return () => true;
  const hits: Record<Space, Uint8Array> = { types: new Uint8Array(0), roles: new Uint8Array(0) };
  let known = pattern.regex === true;
  for (const space of ['types', 'roles'] as const) {
    if (!spaces[space]) continue;
    const wanted = pattern.regex === true || db[space].values.has(pattern.text);
    if (!wanted) continue;
    known = true;
    hits[space] = hitsOf(db[space], pattern);
  }
  if (!known) {
    const what = [...(spaces.types ? ['type or attribute'] : []), ...(spaces.roles ? ['role'] : [])].join(', ');
    throw new SearchError(`the policy has no ${what} \`${pattern.text}\``);
  }
  return (space, value) => hits[space][value] === 1;
}

/** 1 for every value that matches. Indirectly, two attributes match when they have a type in common. */
function hitsOf(names: TypeNames | RoleNames, pattern: TypePattern): Uint8Array {
  const named = namesMatching(names, pattern);
  if (pattern.direct === true) return named;
  const wanted = new Uint8Array(names.names.length);
  for (let value = 1; value < named.length; value++) {
    if (named[value] !== 1) continue;
    // A regular expression is for the names of types; a plain name may be an attribute's.
    if (names.isAttribute[value] !== true) wanted[value] = 1;
    else if (pattern.regex !== true) for (const member of names.members[value] ?? []) wanted[member] = 1;
  }
  return wanted.map((hit, value) => {
    if (names.isAttribute[value] !== true) return hit;
    for (const member of names.members[value] ?? []) if (wanted[member] === 1) return 1;
    return 0;
  });
}

function namesMatching({ names, values }: Names, pattern: NamePattern): Uint8Array {
  const hits = new Uint8Array(names.length);
  if (pattern.regex === true) {
    const expression = regexOf(pattern.text);
    for (let value = 1; value < names.length; value++) if (expression.test(names[value] ?? '')) hits[value] = 1;
  } else {
    const value = values.get(pattern.text);
    if (value !== undefined) hits[value] = 1;
  }
  return hits;
}

function regexOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new SearchError(`\`${text}\` is not a regular expression`);
  }
}

/** The values of a list of names that must all be known, or of those a pattern matches. */
function valuesOf(names: Names, wanted: readonly string[] | NamePattern, what: string): Uint8Array {
  if (!isList(wanted)) return namesMatching(names, wanted);
  const hits = new Uint8Array(names.names.length);
  for (const name of wanted) {
    const value = names.values.get(name);
    if (value === undefined) throw new SearchError(`the policy has no ${what} \`${name}\``);
    hits[value] = 1;
  }
  return hits;
}

function isList(wanted: readonly string[] | NamePattern): wanted is readonly string[] {
  return Array.isArray(wanted);
}

/** The classes criterion as a test of a class's value. */
function classMatcher(db: Policydb, classes: Criteria['classes']): (tclass: number) => boolean {
  if (classes === undefined) return () => true;
  const hits = valuesOf(db.classes, classes, 'class');
  return (tclass) => hits[tclass] === 1;
}

/** The permissions criterion as a test of the bits of a class. */
function permsMatcher(db: Policydb, criteria: Criteria): (tclass: number, perms: number) => boolean {
  const { perms: wanted, permsAre = 'any' } = criteria;
  if (wanted === undefined) return () => true;
  const names = new Set(wanted);
  const bits = db.classData.map((datum) => [...names].reduce((mask, name) => mask | (datum?.bits.get(name) ?? 0), 0));
  const complete = db.classData.map((datum) => [...names].every((name) => datum?.bits.has(name) === true));
  for (const name of names) {
    if (!db.classData.some((datum) => datum?.bits.has(name) === true)) {
      throw new SearchError(`no class of the policy has a permission \`${name}\``);
    }
  }
  return (tclass, perms) => {
    const mask = bits[tclass] ?? 0;
    if (permsAre === 'any') return (perms & mask) !== 0;
    if (complete[tclass] !== true) return false;
    return permsAre === 'exactly' ? perms === mask : (perms & mask) === mask;
  };
}

function branchMatcher(db: Policydb, criteria: Criteria): (branch: number) => boolean {
  if (criteria.booleans === undefined) return () => true;
  const hits = valuesOf(db.booleans, criteria.booleans, 'boolean');
  const wanted = hits.reduce((count, hit) => count + hit, 0);
  const matches = db.conditionals.map(({ steps }) => {
    const used = new Set(steps.filter((step) => typeof step === 'number'));
    const named = [...used].filter((value) => hits[value] === 1).length;
    return criteria.booleansExactly === true ? named === used.size && named === wanted : named > 0;
  });
  return (branch) => branch >= 0 && matches[branch >> 1] === true;
}

/** The same tests on a neverallow, which stands for every pair of its types. */
export function neverallowMatcher(
  db: Policydb,
  criteria: Criteria,
): (rule: Policydb['neverallows'][number]) => boolean {
  const source = endMatcher(db, criteria.source, { types: true, roles: false });
  const target = endMatcher(db, criteria.target, { types: true, roles: false });
  const classes = classMatcher(db, criteria.classes);
  const perms = permsMatcher(db, criteria);
  return (rule) => {
    if (criteria.booleans !== undefined || criteria.result !== undefined) return false;
    const sources = bitsOf(rule.sources).filter((type) => source('types', type));
    if (sources.length === 0) return false;
    const selfToo = rule.self && sources.some((type) => target('types', type));
    if (!selfToo && !bitsOf(rule.targets).some((type) => target('types', type))) return false;
    return [...rule.perms].some(([tclass, bits]) => classes(tclass) && perms(tclass, bits));
  };
}
