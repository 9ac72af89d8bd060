import type { LevelName, NameSet, RangeName, Span, Statement, User } from '../language/ast.ts';
import type { Diagnostics } from '../language/diagnostics.ts';
import type { BitmapPool } from '../policydb/bitmap.ts';
import { createPolicydb, type Names, type Policydb, valuesMax } from '../policydb/policydb.ts';
import type { Block } from './blocks.ts';
import { isKnownHere, isOnlyRequired, type LocalName, mayDeclareHere, noteDeclared } from './scopes.ts';

/** The kind of system a policy is for. */
export type Target = 'selinux' | 'xen';

/** What a build carries from statement to statement. */
export interface Build {
  readonly db: Policydb;
  readonly target: Target;
  report: Diagnostics;
  /** Where it is told that a role transition, or a rule by file name, is written twice, if here; see given-once.ts. */
  readonly reportTwice: Diagnostics | undefined;
  /** What roles and users were given, until they are complete. */
  readonly pending: Pending;
  readonly memo: Memo;
  /** Rows made from rules so far; see `expandedMax`. */
  expanded: number;
  /** Comparisons made by the checks so far; see `mayCompare`. */
  compared: number;
  /** True when rules are only checked and make no rows. */
  dry: boolean;
  /** The block whose statements are being read. */
  block: Block;
  /** Names that are not known everywhere, by the table they are in: those of optionals. */
  readonly local: Map<Names, Map<string, LocalName>>;
}

/** What sets of names were found to be; see `recall` in sets.ts. */
export interface Memo {
  readonly class: Map<NameSet, readonly number[]>;
  readonly role: Map<NameSet, readonly number[]>;
  readonly user: Map<NameSet, readonly number[]>;
  readonly types: Map<NameSet, readonly number[]>;
  /** Types alone: attributes are expanded. */
  readonly members: Map<NameSet, readonly number[]>;
  /** Bits by class value. */
  readonly perms: Map<NameSet, (number | undefined)[]>;
  /** What constraints name: many name the same. */
  readonly constrained: BitmapPool;
  /** How many values the sets have together. */
  values: number;
}

export interface Pending {
  /** Concrete types by role value; a role attribute's go to its members. */
  readonly roleTypes: Map<number, Set<number>>;
  /** Those of them that are given outside of optionals. */
  readonly plainRoleTypes: Map<number, Set<number>>;
  /** The keys of role transitions as they are written, role attributes not resolved. */
  readonly roleTransitions: Set<number>;
  /** What the statements about a user say together, by user value. */
  readonly users: Map<number, PendingUser>;
  /** What optionals say about users. */
  readonly localUsers: (PendingUser & { readonly value: number })[];
  /** Conditionals by what they say. */
  readonly conditionals: Map<string, { readonly conditional: number; readonly meaning: string }>;
  /** What has a label, so that it gets one only. */
  readonly labels: Set<string>;
  /** Labelled number ranges by kind (`tcp`, `pkey PREFIX`), in source order. */
  readonly ranges: Map<string, { readonly low: bigint; readonly high: bigint }[]>;
  rangeCount: number;
}

export interface PendingUser {
  readonly statement: User;
  readonly roles: Set<number>;
  readonly level: LevelName | undefined;
  readonly range: RangeName | undefined;
}

export function createBuild(report: Diagnostics, target: Target, everything: Block, reportTwice?: Diagnostics): Build {
  return {
    db: createPolicydb(),
    target,
    report,
    reportTwice,
    pending: {
      roleTypes: new Map(),
      plainRoleTypes: new Map(),
      roleTransitions: new Set(),
      users: new Map(),
      localUsers: [],
      conditionals: new Map(),
      labels: new Set(),
      ranges: new Map(),
      rangeCount: 0,
    },
    memo: {
      class: new Map(),
      role: new Map(),
      user: new Map(),
      types: new Map(),
      members: new Map(),
      perms: new Map(),
      constrained: new Map(),
      values: 0,
    },
    expanded: 0,
    compared: 0,
    dry: false,
    block: everything,
    local: new Map(),
  };
}

/** A handler for each kind of statement it knows; `number` is the statement's own, for origins. */
export type Handlers = {
  readonly [K in Statement['kind']]?: (
    build: Build,
    statement: Extract<Statement, { kind: K }>,
    number: number,
  ) => void;
};

/** The most (source, target, class) rows the rules of a policy may expand to. */
export const expandedMax = 16_000_000;

/** Declares a name. Answers its value, or 0 after an error when the name is taken or there are too many. */
export function declareName(build: Build, names: Names, span: Span, what: string, name: string): number {
  if (!mayDeclareHere(build, span, what, name)) return 0;
  const known = names.values.get(name);
  if (known !== undefined && !isOnlyRequired(build, names, name)) {
    const hint = `remove one declaration, or choose another name`;
    build.report.error(span, `\`${name}\` is declared twice (${what})`, { name, hint });
    return 0;
  }
  const value = known ?? newValue(build, names, span, what, name);
  if (value !== 0) noteDeclared(build, names, name, known === undefined);
  return value;
}

/** Gives a name that is new the next value. Answers 0 after an error when there are too many. */
export function newValue(build: Build, names: Names, span: Span, what: string, name: string): number {
  if (names.names.length > valuesMax) {
    build.report.error(span, `too many names (${what})`, { name, hint: `the limit is ${valuesMax}` });
    return 0;
  }
  const value = names.names.push(name) - 1;
  names.values.set(name, value);
  return value;
}

/** Gives a value another name. */
export function declareAlias(build: Build, names: Names, span: Span, what: string, name: string, value: number): void {
  if (!mayDeclareHere(build, span, what, name)) return;
  if (names.values.has(name)) {
    build.report.error(span, `\`${name}\` is declared twice (${what})`, {
      name,
      hint: 'choose another name for the alias',
    });
  } else {
    names.values.set(name, value);
    noteDeclared(build, names, name, true);
  }
}

/** The value of a declared name that is known in the current block, or 0 after an error. */
export function lookUp(build: Build, names: Names, span: Span, what: string, name: string): number {
  const value = names.values.get(name);
  if (value === undefined) {
    build.report.error(span, `unknown ${what} \`${name}\``, { name, hint: `declare the ${what}, or correct the name` });
    return 0;
  }
  if (isKnownHere(build, names, name)) return value;
  const hint = 'require it in this block, or declare it outside of the optional';
  build.report.error(span, `the ${what} \`${name}\` is known in an optional only, and not here`, { name, hint });
  return 0;
}

/** Some kinds of names may not have dots, since dots mean a range or a parent. Answers false after an error. */
export function withoutDot(build: Build, span: Span, what: string, name: string): boolean {
  if (!name.includes('.')) return true;
  build.report.error(span, `the ${what} \`${name}\` has a dot`, { name, hint: 'use a name without dots' });
  return false;
}

/** Counts rows to be made from a rule. Answers false when none shall be made, or after an error: too many were. */
export function mayExpand(build: Build, span: Span, rows: number): boolean {
  if (build.dry) return false;
  build.expanded += rows;
  if (build.expanded <= expandedMax) return true;
  build.report.error(span, `the rules expand to more than ${expandedMax} entries`, {
    hint: 'use attributes without `-`, `~` or `self` in rules over many types',
  });
  return false;
}
