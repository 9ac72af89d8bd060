import type { BooleanDeclaration, Span, TypeAlias, TypeAttribute, TypeDeclaration } from '../language/ast.ts';
import { listsOf } from '../policydb/lists.ts';
import { type Build, declareAlias, declareName, type Handlers, lookUp, withoutDot } from './builder.ts';
import { KNOWN_CAPABILITIES } from './capabilities.ts';
import { isPlain } from './sets.ts';

/** Attributes, types, aliases and booleans. */
export const typeDeclarations: Handlers = {
  attribute: (build, statement) => {
    addType(build, statement, statement.name, true);
  },
  type: declareType,
  typealias: declareTypeAlias,
  typeattribute: declareTypeAttribute,
  bool: declareBoolean,
  tunable: declareBoolean,
  policycap: (build, statement) => {
    const { name } = statement;
    if (KNOWN_CAPABILITIES.has(name)) build.db.capabilities.add(name);
    else
      build.report.error(statement, `unknown policy capability \`${name}\``, {
        name,
        hint: `known: ${[...KNOWN_CAPABILITIES].join(' ')}`,
      });
  },
};

/** `typebounds`, `permissive` and `expandattribute`. */
export const typeRules: Handlers = {
  attribute: (build, statement) => {
    const dot = statement.name.lastIndexOf('.');
    if (dot > 0) lookUp(build, build.db.types, statement, 'parent', statement.name.slice(0, dot));
  },
  type: (build, statement, number) => {
    const dot = statement.name.lastIndexOf('.');
    if (dot > 0) addBounds(build, statement, statement.name.slice(0, dot), statement.name, number);
  },
  typebounds: (build, statement, number) => {
    for (const child of statement.children) addBounds(build, statement, statement.parent, child, number);
  },
  permissive: (build, statement) => {
    const value = concreteType(build, statement, statement.name);
    if (value !== 0) build.db.types.permissive[value] = true;
  },
  expandattribute: (build, statement) => {
    if (!isPlain(build, statement, statement.names, 'attributes')) return;
    for (const name of statement.names.names) {
      const value = lookUp(build, build.db.types, statement, 'attribute', name);
      if (value !== 0 && build.db.types.isAttribute[value] !== true) {
        build.report.error(statement, `\`${name}\` is a type, not an attribute`, { name, hint: 'remove the name' });
      }
    }
  },
};

function addType(build: Build, span: Span, name: string, isAttribute: boolean): number {
  const { types } = build.db;
  if (name === 'self') {
    build.report.error(span, '`self` is no name for a type', { name, hint: 'it stands for the source of a rule' });
    return 0;
  }
  const value = declareName(build, types, span, isAttribute ? 'attribute' : 'type', name);
  if (value === 0) return 0;
  if (types.isAttribute[value] === !isAttribute) {
    reportBoth(build, span, name);
    return 0;
  }
  if (types.isAttribute[value] === undefined) startType(build, value, isAttribute);
  return value;
}

/** Says that a name stands for a type and for an attribute. */
export function reportBoth(build: Build, span: Span, name: string): void {
  build.report.error(span, `\`${name}\` is used as a type and as an attribute`, { name, hint: 'use two names' });
}

/** Fills the columns of a new value. */
export function startType(build: Build, value: number, isAttribute: boolean): void {
  const { types } = build.db;
  types.isAttribute[value] = isAttribute;
  types.members[value] = isAttribute ? new Set() : undefined;
  types.bounds[value] = 0;
  types.boundsStatement[value] = -1;
  types.permissive[value] = false;
}

function declareType(build: Build, statement: TypeDeclaration): void {
  const value = addType(build, statement, statement.name, false);
  if (value === 0) return;
  addAliases(build, statement, statement.aliases, value);
  addToAttributes(build, statement, statement.attributes, value);
}

function declareTypeAlias(build: Build, statement: TypeAlias): void {
  const value = concreteType(build, statement, statement.name);
  if (value !== 0) addAliases(build, statement, statement.aliases, value);
}

function declareTypeAttribute(build: Build, statement: TypeAttribute): void {
  const value = concreteType(build, statement, statement.name);
  if (value !== 0) addToAttributes(build, statement, statement.attributes, value);
}

function addAliases(build: Build, span: Span, aliases: readonly string[], value: number): void {
  for (const alias of aliases) {
    if (withoutDot(build, span, 'type alias', alias)) declareAlias(build, build.db.types, span, 'type', alias, value);
  }
}

function addToAttributes(build: Build, span: Span, attributes: readonly string[], value: number): void {
  const { types } = build.db;
  for (const name of attributes) {
    const attribute = lookUp(build, types, span, 'attribute', name);
    if (attribute === 0) continue;
    if (types.isAttribute[attribute] === true) types.members[attribute]?.add(value);
    else
      build.report.error(span, `\`${name}\` is a type, not an attribute`, {
        name,
        hint: `declare it with \`attribute ${name};\``,
      });
  }
}

/** The value of a type that is not an attribute, or 0 after an error. */
export function concreteType(build: Build, span: Span, name: string): number {
  const value = lookUp(build, build.db.types, span, 'type', name);
  if (value === 0 || build.db.types.isAttribute[value] !== true) return value;
  build.report.error(span, `\`${name}\` is an attribute, not a type`, { name, hint: 'name a type here' });
  return 0;
}

function declareBoolean(build: Build, statement: BooleanDeclaration): void {
  const { booleans, booleanDefaults, tunables } = build.db;
  if (!withoutDot(build, statement, 'boolean', statement.name)) return;
  const value = declareName(build, booleans, statement, 'boolean', statement.name);
  if (value === 0) return;
  booleanDefaults[value] = statement.value;
  tunables[value] = statement.kind === 'tunable';
}

function addBounds(build: Build, span: Span, parentName: string, childName: string, number: number): void {
  const { types } = build.db;
  const parent = concreteType(build, span, parentName);
  const child = concreteType(build, span, childName);
  if (parent === 0 || child === 0) return;
  const before = types.bounds[child] ?? 0;
  if (before !== 0 && before !== parent) {
    const hint = `it is already bounded by \`${types.names[before] ?? ''}\``;
    build.report.error(span, `\`${childName}\` has two parents`, { name: childName, hint });
    return;
  }
  types.bounds[child] = parent;
  types.boundsStatement[child] = number;
}

/** Turns attributes' members around: what each type is and has. */
export function finishTypes(build: Build): void {
  const { types } = build.db;
  const lists: number[][] = types.names.map((_, value) => [value]);
  for (let attribute = 1; attribute < types.names.length; attribute++) {
    for (const member of types.members[attribute] ?? []) lists[member]?.push(attribute);
  }
  types.attributesOf = listsOf(lists.map((list) => list.sort((left, right) => left - right)));
}
