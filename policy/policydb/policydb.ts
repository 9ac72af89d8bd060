import type { DefaultValue } from '../language/ast.ts';
import { type AccessTable, createAccessTable } from './access-table.ts';
import type { Bitmap } from './bitmap.ts';
import type { Constraint } from './constraint.ts';
import { type Context, type Level, OBJECT_ROLE, type Range } from './context.ts';
import { type Lists, NO_LISTS } from './lists.ts';
import { createTypeTable, type TypeTable } from './type-table.ts';
import { type Commands, createXpermTable, type XpermTable } from './xperm-table.ts';

/** Names and values of one kind of thing. Values count from 1; `names[0]` is unused. Aliases are in `values` only. */
export interface Names {
  readonly names: string[];
  readonly values: Map<string, number>;
}

export interface Common {
  readonly perms: readonly string[];
}

/** A class: its permissions in bit order, its constraints, and where new contexts of it come from. */
export interface ClassDatum {
  readonly name: string;
  perms: readonly string[];
  /** Bit of a permission, shifted: `read` may be 2. */
  bits: ReadonlyMap<string, number>;
  readonly constraints: Constraint[];
  readonly validations: Constraint[];
  readonly defaults: { user?: DefaultValue; role?: DefaultValue; type?: DefaultValue; range?: DefaultValue };
}

/** Types and attributes share their names and values. */
export interface TypeNames extends Names {
  readonly isAttribute: boolean[];
  /** The types of an attribute, by its value. */
  readonly members: (Set<number> | undefined)[];
  /** For a type: itself and its attributes, rising. Made when all declarations are known. */
  attributesOf: Lists;
  /** The parent a type is bounded by, or 0. */
  readonly bounds: number[];
  readonly boundsStatement: number[];
  readonly permissive: boolean[];
}

export interface RoleNames extends Names {
  readonly isAttribute: boolean[];
  /** The roles of an attribute, by its value; an attribute may be a member of another. */
  readonly members: (Set<number> | undefined)[];
  /** The types a role may have, by role value. Made when all rules are known. */
  types: readonly Bitmap[];
  /** The parent a dotted role is bounded by, or 0. */
  readonly bounds: number[];
}

export interface UserDatum {
  readonly roles: Bitmap;
  readonly level: Level;
  readonly range: Range;
}

export interface Mls {
  readonly sensitivities: Names;
  readonly categories: Names;
  /** The categories that go with a sensitivity, by its value. */
  readonly legal: Bitmap[];
}

/** A conditional block: booleans and operators in postfix order. */
export interface ConditionalDatum {
  readonly steps: readonly (number | 'not' | 'and' | 'or' | 'xor' | 'eq' | 'ne')[];
}

/** A statement's place in the source, by its number: characters of the joined text. */
export interface StatementSpans {
  readonly starts: number[];
  readonly ends: number[];
}

/** A value some rule gives, and the statement that says so. */
export interface Stated<T> {
  readonly value: T;
  readonly statement: number;
}

/** A neverallow rule by concrete types; `self` means each source on itself. */
export interface Neverallow {
  readonly sources: Bitmap;
  readonly targets: Bitmap;
  readonly self: boolean;
  /** Forbidden permissions by class value. */
  readonly perms: ReadonlyMap<number, number>;
  readonly statement: number;
}

/** A neverallowxperm rule: commands of the permission that `perms` names for each class. */
export interface NeverallowXperms extends Neverallow {
  readonly commands: Commands;
}

/** Everything the questions need to know about a policy. It is not changed once it is built. */
export interface Policydb {
  mls: Mls | undefined;
  readonly classes: Names;
  /** By class value. */
  readonly classData: ClassDatum[];
  readonly commons: Map<string, Common>;
  readonly types: TypeNames;
  readonly roles: RoleNames;
  readonly users: Names;
  readonly userData: UserDatum[];
  readonly booleans: Names;
  readonly booleanDefaults: boolean[];
  /** True for a boolean that is settled when the policy is built. */
  readonly tunables: boolean[];
  readonly conditionals: ConditionalDatum[];
  readonly access: AccessTable;
  /** What no rule may grant; a binary policy has none left. */
  readonly neverallows: Neverallow[];
  readonly xperms: XpermTable;
  readonly neverallowXperms: NeverallowXperms[];
  readonly typeRules: Readonly<Record<'type_transition' | 'type_change' | 'type_member', TypeTable>>;
  /** By file name, then by source, target and class as `tripleKey` writes them. */
  readonly fileNameRules: Map<string, Map<number, Stated<number>>>;
  readonly rangeTransitions: Map<number, Stated<Range>>;
  /** By role, type and class. */
  readonly roleTransitions: Map<number, Stated<number>>;
  /** By `tripleKey(from, to, 0)`: the statement. */
  readonly roleAllows: Map<number, number>;
  readonly initialSids: Names;
  readonly initialContexts: (Context | undefined)[];
  readonly capabilities: Set<string>;
  readonly spans: StatementSpans;
}

/** The most values of a kind: type values are 16 bits in libsepol's tables, and in ours. */
export const valuesMax = 65535;
/** The most permissions of a class. */
export const permsMax = 32;

export function createNames(): Names {
  return { names: [''], values: new Map() };
}

export function createPolicydb(): Policydb {
  const roles = {
    ...createNames(),
    isAttribute: [false, false],
    members: [undefined, undefined],
    types: [],
    bounds: [0, 0],
  };
  roles.names[OBJECT_ROLE] = 'object_r';
  roles.values.set('object_r', OBJECT_ROLE);
  return {
    mls: undefined,
    classes: createNames(),
    classData: [],
    commons: new Map(),
    types: {
      ...createNames(),
      isAttribute: [false],
      members: [undefined],
      attributesOf: NO_LISTS,
      bounds: [0],
      boundsStatement: [-1],
      permissive: [false],
    },
    roles,
    users: createNames(),
    userData: [],
    booleans: createNames(),
    booleanDefaults: [false],
    tunables: [false],
    conditionals: [],
    access: createAccessTable(),
    neverallows: [],
    xperms: createXpermTable(),
    neverallowXperms: [],
    typeRules: { type_transition: createTypeTable(), type_change: createTypeTable(), type_member: createTypeTable() },
    fileNameRules: new Map(),
    rangeTransitions: new Map(),
    roleTransitions: new Map(),
    roleAllows: new Map(),
    initialSids: createNames(),
    initialContexts: [],
    capabilities: new Set(),
    spans: { starts: [], ends: [] },
  };
}

/** The bit of each permission of a class. */
export function permissionBits(perms: readonly string[]): ReadonlyMap<string, number> {
  const bits = new Map<string, number>();
  for (let index = 0; index < perms.length; index++) bits.set(perms[index] as string, 1 << index);
  return bits;
}

/** Three 16-bit values as one number a Map can hold. */
export function tripleKey(first: number, second: number, third: number): number {
  return first * 0x1_0000_0000 + second * 0x1_0000 + third;
}
