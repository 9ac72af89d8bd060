import { type Column, createColumn, push, reserve } from './column.ts';
import { addRow, createKeyIndex, type KeyIndex, reserveRows } from './key-index.ts';
import { type Presence, presenceOf } from './presence.ts';

/** Which vector of a row a rule changes. `dontaudit P` is an auditdeny of everything but P. */
export const ALLOW = 0;
export const AUDITALLOW = 1;
export const AUDITDENY = 2;
export type Vector = typeof ALLOW | typeof AUDITALLOW | typeof AUDITDENY;

/** Unconditional rules are in no branch; branch `2c` is the true and `2c + 1` the false side of conditional `c`. */
export const UNCONDITIONAL = -1;

/**
 * The access vectors by (source, target, class), attributes kept as they are written. One row holds the unconditional
 * vectors; the conditional ones hang off it, one entry per branch. Every rule leaves an origin, so that an answer can
 * name the statements it came from.
 */
export interface AccessTable {
  readonly index: KeyIndex;
  readonly allow: Column;
  readonly auditallow: Column;
  readonly auditdeny: Column;
  /** First entry of the row's conditional list, or -1. */
  readonly conditional: Column;
  readonly branches: {
    readonly next: Column;
    readonly branch: Column;
    readonly allow: Column;
    readonly auditallow: Column;
    readonly auditdeny: Column;
  };
  readonly origins: Origins;
  /** Made when the table is complete and first asked. */
  presence: Presence | undefined;
}

/** Which statements an access table came from. */
export interface Origins {
  /** First origin of each row, or -1. */
  readonly first: Column;
  readonly next: Column;
  readonly vector: Column;
  readonly branch: Column;
  readonly perms: Column;
  readonly statement: Column;
}

export function createAccessTable(): AccessTable {
  return {
    index: createKeyIndex(),
    allow: createColumn(),
    auditallow: createColumn(),
    auditdeny: createColumn(),
    conditional: createColumn(),
    branches: {
      next: createColumn(),
      branch: createColumn(),
      allow: createColumn(),
      auditallow: createColumn(),
      auditdeny: createColumn(),
    },
    origins: createOrigins(),
    presence: undefined,
  };
}

export function createOrigins(): Origins {
  const column = createColumn;
  return {
    first: column(),
    next: column(),
    vector: column(),
    branch: column(),
    perms: column(),
    statement: column(),
  };
}

/** What has rules in a table that is complete. */
export function accessPresence(access: Pick<AccessTable, 'index' | 'presence'>): Presence {
  access.presence ??= presenceOf(access.index);
  return access.presence;
}

/** A rule for one (source, target, class). `perms` is what the vector is joined with: or, or, and. */
export interface AccessRule {
  readonly vector: Vector;
  readonly perms: number;
  readonly branch: number;
  readonly statement: number;
}

/** Adds one rule for one (source, target, class). */
export function addAccess(table: AccessTable, source: number, target: number, tclass: number, rule: AccessRule): void {
  const row = accessRow(table, source, target, tclass);
  joinVector(table, row, rule.branch, rule.vector, rule.perms);
  addOrigin(table.origins, row, rule);
}

/** Makes room for `more` rows at once, where it is known how many come. */
export function reserveAccess(table: AccessTable, more: number): void {
  reserveRows(table.index, more);
  for (const column of [table.allow, table.auditallow, table.auditdeny, table.conditional]) reserve(column, more);
}

/** The row for one (source, target, class), made when there is none. */
export function accessRow(table: AccessTable, source: number, target: number, tclass: number): number {
  const row = addRow(table.index, source, target, tclass);
  if (row === table.allow.length) {
    push(table.allow, 0);
    push(table.auditallow, 0);
    push(table.auditdeny, -1);
    push(table.conditional, -1);
  }
  return row;
}

/** Changes what a row, or with a branch its entry for that, says. */
export function joinVector(table: AccessTable, row: number, branch: number, vector: Vector, perms: number): void {
  if (branch === UNCONDITIONAL) join(table.allow, table.auditallow, table.auditdeny, row, vector, perms);
  else {
    const { allow, auditallow, auditdeny } = table.branches;
    join(allow, auditallow, auditdeny, branchEntry(table, row, branch), vector, perms);
  }
}

/** Says which statement changed a row. */
export function addOrigin(origins: Origins, row: number, rule: AccessRule): void {
  while (origins.first.length <= row) push(origins.first, -1);
  const entry = push(origins.next, origins.first.data[row] as number);
  push(origins.vector, rule.vector);
  push(origins.branch, rule.branch);
  push(origins.perms, rule.perms);
  push(origins.statement, rule.statement);
  origins.first.data[row] = entry;
}

function branchEntry(table: AccessTable, row: number, branch: number): number {
  const { branches } = table;
  for (let entry = table.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
    if (branches.branch.data[entry] === branch) return entry;
  }
  const entry = push(branches.next, table.conditional.data[row] ?? -1);
  push(branches.branch, branch);
  push(branches.allow, 0);
  push(branches.auditallow, 0);
  push(branches.auditdeny, -1);
  table.conditional.data[row] = entry;
  return entry;
}

/** Takes the columns one by one: where tables of two shapes are given, code that is compiled for one must be made anew. */
function join(allow: Column, auditallow: Column, auditdeny: Column, row: number, vector: Vector, perms: number): void {
  if (vector === ALLOW) allow.data[row] = (allow.data[row] as number) | perms;
  else if (vector === AUDITALLOW) auditallow.data[row] = (auditallow.data[row] as number) | perms;
  else auditdeny.data[row] = (auditdeny.data[row] as number) & perms;
}
