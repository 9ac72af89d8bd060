import type { Require, RequiredKind, RequiredSymbols, Span } from '../language/ast.ts';
import type { Names } from '../policydb/policydb.ts';
import { type Block, type Requirement, requiresOf } from './blocks.ts';
import { type Build, type Handlers, lookUp, newValue } from './builder.ts';
import { startRole } from './roles.ts';
import { isOnlyRequired, localName, mayDeclareHere, noteRequired } from './scopes.ts';
import { reportBoth, startType } from './types.ts';

/** What a block requires is known in it, whether or not anything declares it. */
export const requireDeclarations: Handlers = {
  require: resolveRequire,
  if: (build, statement) => {
    for (const require of requiresOf(statement)) resolveRequire(build, require);
  },
};

function resolveRequire(build: Build, require: Require): void {
  for (const symbols of require.symbols) {
    if (symbols.kind === 'class') requireClass(build, require, symbols);
    else for (const name of symbols.names) requireName(build, require, symbols.kind, name);
  }
}

/** Classes and permissions are declared before everything else, so that these must be there. */
function requireClass(build: Build, span: Span, symbols: Extract<RequiredSymbols, { kind: 'class' }>): void {
  const { name, perms } = symbols;
  if (!mayDeclareHere(build, span, 'class', name)) return;
  const datum = build.db.classData[lookUp(build, build.db.classes, span, 'class', name)];
  if (datum === undefined) return;
  const unknown = perms.form === 'list' ? perms.names.find((perm) => !datum.bits.has(perm)) : '*';
  if (unknown === undefined && perms.except.length === 0) return;
  build.report.error(span, `class \`${name}\` has no permission \`${unknown ?? '-'}\` to require`, {
    name,
    hint: `name some of: ${datum.perms.join(' ')}`,
  });
}

/** A name that nothing has declared so far gets a value: it may be declared later, or never. */
function requireName(build: Build, span: Span, kind: RequiredKind, name: string): void {
  const names = tableOf(build, kind);
  if (!mayDeclareHere(build, span, kind, name)) return;
  if (kind === 'sensitivity' && names?.values.has(name) !== true) {
    build.report.error(span, `unknown sensitivity \`${name}\``, {
      name,
      hint: 'declare the sensitivity and its level',
    });
    return;
  }
  if (names === undefined) return;
  if (names === build.db.types && name === 'self') {
    build.report.error(span, '`self` is no name', { name, hint: 'it stands for the source of a rule' });
    return;
  }
  const known = names.values.get(name);
  const value = known ?? newValue(build, names, span, kind, name);
  if (value === 0) return;
  noteRequired(build, names, name, known === undefined);
  const isAttribute = kind === 'attribute' || kind === 'attribute_role';
  if (names === build.db.types) {
    if (known === undefined) startType(build, value, isAttribute);
    else if (build.db.types.isAttribute[value] !== isAttribute) reportBoth(build, span, name);
  } else if (names === build.db.roles) {
    if (known === undefined) startRole(build, value, isAttribute);
    else if (build.db.roles.isAttribute[value] !== isAttribute) reportBoth(build, span, name);
  }
}

function tableOf(build: Build, kind: RequiredKind): Names | undefined {
  const { types, roles, booleans, mls } = build.db;
  switch (kind) {
    case 'type':
    case 'attribute':
      return types;
    case 'role':
    case 'attribute_role':
      return roles;
    case 'bool':
    case 'tunable':
      return booleans;
    case 'sensitivity':
      return mls?.sensitivities;
    case 'category':
      return mls?.categories;
    case 'user':
      return undefined;
  }
}

/** The block that declares what is required, or undefined. Roles and users count wherever they are declared. */
export function declaringBlock(
  build: Build,
  everything: Block,
  users: ReadonlySet<string>,
  { kind, name }: Requirement,
): Block | undefined {
  if (kind === 'user') return users.has(name) ? everything : undefined;
  const names = tableOf(build, kind);
  const value = names?.values.get(name);
  if (names === undefined || value === undefined) return undefined;
  const primary = names.names[value] ?? name;
  if (isOnlyRequired(build, names, primary)) return undefined;
  if (names === build.db.roles) return everything;
  return localName(build, names, primary)?.declaredIn ?? everything;
}
