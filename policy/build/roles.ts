import type { RoleAllow, RoleDeclaration, RoleTransition, RoleTypes, Span } from '../language/ast.ts';
import type { Diagnostics } from '../language/diagnostics.ts';
import { createBitmap, setBit } from '../policydb/bitmap.ts';
import { tripleKey } from '../policydb/policydb.ts';
import { type Build, declareName, type Handlers, lookUp, mayExpand } from './builder.ts';
import { isOnlyRequired, mayDeclareHere, noteDeclared } from './scopes.ts';
import { plainSet, typeSet } from './sets.ts';

/** Roles and role attributes. A role may be declared more than once. */
export const roleDeclarations: Handlers = {
  attribute_role: (build, statement) => {
    addRole(build, statement, statement.name, true);
  },
  role: (build, statement) => declareRole(build, statement),
  roleattribute: (build, statement) => {
    const value = lookUp(build, build.db.roles, statement, 'role', statement.name);
    if (value !== 0) addToAttributes(build, statement, statement.attributes, value);
  },
};

/** What the rules say about roles. */
export const roleRules: Handlers = {
  roleTypes: resolveRoleTypes,
  roleAllow: resolveRoleAllow,
  role_transition: resolveRoleTransition,
};

function addRole(build: Build, span: Span, name: string, isAttribute: boolean): number {
  const { roles } = build.db;
  if (!mayDeclareHere(build, span, 'role', name)) return 0;
  const known = roles.values.get(name);
  if (known !== undefined) {
    const again = isAttribute && !isOnlyRequired(build, roles, name);
    if (roles.isAttribute[known] === isAttribute && !again) {
      noteDeclared(build, roles, name, false);
      return known;
    }
    if (again && roles.isAttribute[known] === true) {
      build.report.error(span, `role attribute \`${name}\` is declared twice`, {
        name,
        hint: 'remove one declaration',
      });
      return 0;
    }
    build.report.error(span, `\`${name}\` is both a role and a role attribute`, { name, hint: 'choose another name' });
    return 0;
  }
  const dot = name.lastIndexOf('.');
  const parent = dot > 0 ? roles.values.get(name.slice(0, dot)) : 0;
  if (parent === undefined) {
    const hint = `declare \`${name.slice(0, dot)}\` before it: a dotted role is bounded by what stands before its dot`;
    build.report.error(span, `role \`${name}\` has no parent`, { name, hint });
    return 0;
  }
  const value = declareName(build, roles, span, 'role', name);
  if (value === 0) return 0;
  startRole(build, value, isAttribute);
  roles.bounds[value] = parent;
  return value;
}

/** Fills the columns of a new value. */
export function startRole(build: Build, value: number, isAttribute: boolean): void {
  const { roles } = build.db;
  roles.isAttribute[value] = isAttribute;
  roles.members[value] = isAttribute ? new Set() : undefined;
  roles.bounds[value] = 0;
}

function declareRole(build: Build, statement: RoleDeclaration): void {
  const value = addRole(build, statement, statement.name, false);
  if (value !== 0) addToAttributes(build, statement, statement.attributes, value);
}

function addToAttributes(build: Build, span: Span, attributes: readonly string[], value: number): void {
  const { roles } = build.db;
  for (const name of attributes) {
    const attribute = lookUp(build, roles, span, 'role attribute', name);
    if (attribute === 0) continue;
    if (roles.isAttribute[attribute] === true) roles.members[attribute]?.add(value);
    else
      build.report.error(span, `\`${name}\` is a role, not a role attribute`, {
        name,
        hint: `declare it with \`attribute_role ${name};\``,
      });
  }
}

function resolveRoleTypes(build: Build, statement: RoleTypes): void {
  const role = lookUp(build, build.db.roles, statement, 'role', statement.name);
  const types = typeSet(build, statement, statement.types, { expand: true });
  if (role === 0 || types === undefined) return;
  addRoleTypes(build.pending.roleTypes, role, types);
  if (build.block.parent === undefined) addRoleTypes(build.pending.plainRoleTypes, role, types);
}

function addRoleTypes(into: Map<number, Set<number>>, role: number, types: readonly number[]): void {
  const known = into.get(role) ?? new Set();
  for (const type of types) known.add(type);
  into.set(role, known);
}

/** Role attributes become their roles, however deep. */
export function expandRoles(build: Build, values: readonly number[]): number[] {
  const { roles } = build.db;
  const found = new Set<number>();
  const seen = new Set<number>();
  const waiting = [...values];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (roles.isAttribute[value] === true) waiting.push(...(roles.members[value] ?? []));
    else found.add(value);
  }
  return [...found];
}

function resolveRoleAllow(build: Build, statement: RoleAllow, number: number): void {
  const from = plainSet(build, statement, statement.from, 'role');
  const to = plainSet(build, statement, statement.to, 'role');
  if (from === undefined || to === undefined) return;
  const [sources, targets] = [expandRoles(build, from), expandRoles(build, to)];
  if (!mayExpand(build, statement, sources.length * targets.length)) return;
  for (const source of sources) {
    for (const target of targets) {
      const key = tripleKey(source, target, 0);
      if (!build.db.roleAllows.has(key)) build.db.roleAllows.set(key, number);
    }
  }
}

function resolveRoleTransition(build: Build, statement: RoleTransition, number: number): void {
  const { db, report } = build;
  const found = plainSet(build, statement, statement.roles, 'role');
  const types = typeSet(build, statement, statement.types, { expand: true });
  const classes = transitionClasses(build, statement, statement.classes);
  const role = lookUp(build, db.roles, statement, 'role', statement.role);
  if (found === undefined || types === undefined || classes === undefined || role === 0) return;
  if (db.roles.isAttribute[role] === true) {
    report.error(statement, `the new role \`${statement.role}\` is a role attribute`, {
      name: statement.role,
      hint: 'name a role',
    });
    return;
  }
  const roles = expandRoles(build, found);
  if (!mayExpand(build, statement, (found.length + roles.length) * types.length * classes.length)) return;
  const { reportTwice } = build;
  if (reportTwice !== undefined && isWrittenTwice(build, reportTwice, statement, found, types, classes)) return;
  for (const source of roles) {
    for (const type of types) {
      for (const tclass of classes) {
        const key = tripleKey(source, type, tclass);
        const known = db.roleTransitions.get(key);
        if (known !== undefined && known.value !== role) {
          reportGiven(build, report, statement, source, type, tclass);
          return;
        }
        if (known === undefined) db.roleTransitions.set(key, { value: role, statement: number });
      }
    }
  }
}

/**
 * The same key twice is refused whatever the new role is, a role attribute standing for itself; of its roles two rules
 * may speak that agree.
 */
function isWrittenTwice(
  build: Build,
  report: Diagnostics,
  statement: RoleTransition,
  roles: readonly number[],
  types: readonly number[],
  classes: readonly number[],
): boolean {
  const { roleTransitions } = build.pending;
  for (const role of roles) {
    for (const type of types) {
      for (const tclass of classes) {
        const key = tripleKey(role, type, tclass);
        if (roleTransitions.has(key)) {
          reportGiven(build, report, statement, role, type, tclass);
          return true;
        }
        roleTransitions.add(key);
      }
    }
  }
  return false;
}

function reportGiven(
  { db }: Build,
  report: Diagnostics,
  statement: RoleTransition,
  role: number,
  type: number,
  tclass: number,
): void {
  const of = `${db.roles.names[role] ?? ''} ${db.types.names[type] ?? ''}:${db.classes.names[tclass] ?? ''}`;
  report.error(statement, `a role transition for \`${of}\` is already given`, { hint: 'remove one of the rules' });
}

/** The classes of a transition rule that need not name any: then it is `process`. */
export function transitionClasses(
  build: Build,
  span: Span,
  classes: RoleTransition['classes'],
): readonly number[] | undefined {
  if (classes !== undefined) return plainSet(build, span, classes, 'class');
  const value = lookUp(build, build.db.classes, span, 'class', 'process');
  return value === 0 ? undefined : [value];
}

/** Gives roles the types of the attributes they belong to. */
export function finishRoles(build: Build): void {
  const { roles, types } = build.db;
  const bitmaps = roles.names.map(() => createBitmap(types.names.length - 1));
  for (const [role, typeValues] of build.pending.roleTypes) {
    for (const member of expandRoles(build, [role])) {
      const bitmap = bitmaps[member];
      if (bitmap !== undefined) for (const type of typeValues) setBit(bitmap, type);
    }
  }
  roles.types = bitmaps;
}
