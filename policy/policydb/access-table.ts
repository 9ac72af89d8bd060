import { type Column, createColumn, push, reserve } from './column.ts';
import { addRow, createKeyIndex, hashKey, type KeyIndex, reserveRows } from './key-index.ts';
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
  readonly origins: {
    /** First origin of each row, or -1. */
    readonly first: Column;
    readonly next: Column;
    readonly vector: Column;
    readonly branch: Column;
    readonly perms: Column;
    readonly statement: Column;
  };
  /** Made when the table is complete and first asked. */
  presence: Presence | undefined;
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
    origins: {
      first: createColumn(),
      next: createColumn(),
      vector: createColumn(),
      branch: createColumn(),
      perms: createColumn(),
      statement: createColumn(),
    },
    presence: undefined,
  };
}

/** What has rules in a table that is complete. */
export function accessPresence(access: Pick<AccessTable, 'index' | 'presence'>): Presence {
  access.presence ??= presenceOf(access.index);
  return access.presence;
}

/** Makes room for `more` rules at once, where it is known how many come. */
export function reserveAccess(table: AccessTable, more: number): void {
  reserveRows(table.index, more);
  for (const column of [...columnsByRow(table), ...Object.values(table.origins)]) reserve(column, more);
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
  addToRow(table, accessRow(table, source, target, tclass), rule);
}

/**
 * Adds many rules at once, in one loop: code that has not run before is slow at calls. `reserveAccess` made room for them,
 * and what they say stands at the end of the origins, from entry `from` on, all of it in `branch`. `pairs` and `classes`
 * are their keys in the same order. Answers the first unconditional entry that says again what another says, or -1.
 */
export function addReserved(
  table: AccessTable,
  from: number,
  branch: number,
  pairs: Int32Array,
  classes: Int32Array,
): number {
  const { index, origins } = table;
  const { slots } = index;
  const mask = slots.length - 1;
  const { data: rowPairs } = index.pairs;
  const { data: rowClasses } = index.classes;
  const { data: auditdeny } = table.auditdeny;
  const { data: conditional } = table.conditional;
  const { data: first } = origins.first;
  const { data: next } = origins.next;
  const { data: vectors } = origins.vector;
  const { data: branches } = origins.branch;
  const { data: perms } = origins.perms;
  const end = origins.vector.length;
  let rows = index.pairs.length;
  let twice = -1;
  for (let entry = from; entry < end && twice < 0; entry++) {
    const pair = pairs[entry - from] as number;
    const tclass = classes[entry - from] as number;
    let slot = hashKey(pair, tclass) & mask;
    let row = slots[slot] as number;
    while (row >= 0 && (rowPairs[row] !== pair || rowClasses[row] !== tclass)) {
      slot = (slot + 1) & mask;
      row = slots[slot] as number;
    }
    if (row < 0) {
      row = rows++;
      slots[slot] = row;
      rowPairs[row] = pair;
      rowClasses[row] = tclass;
      auditdeny[row] = -1;
      conditional[row] = -1;
      first[row] = -1;
    }
    const vector = vectors[entry] as Vector;
    const before = first[row] as number;
    if (branch === UNCONDITIONAL) {
      for (let other = before; other >= 0; other = next[other] as number) {
        if (vectors[other] === vector && branches[other] === branch) twice = entry;
      }
      join(table, row, vector, perms[entry] as number);
    } else join(table.branches, branchEntry(table, row, branch), vector, perms[entry] as number);
    next[entry] = before;
    first[row] = entry;
  }
  for (const column of columnsByRow(table)) column.length = rows;
  return twice;
}

/** Every column that has an entry for each row. */
function columnsByRow({ index, allow, auditallow, auditdeny, conditional, origins }: AccessTable): readonly Column[] {
  return [index.pairs, index.classes, allow, auditallow, auditdeny, conditional, origins.first];
}

function accessRow(table: AccessTable, source: number, target: number, tclass: number): number {
  const row = addRow(table.index, source, target, tclass);
  if (row === table.allow.length) {
    push(table.allow, 0);
    push(table.auditallow, 0);
    push(table.auditdeny, -1);
    push(table.conditional, -1);
    push(table.origins.first, -1);
  }
  return row;
}

function addToRow(table: AccessTable, row: number, rule: AccessRule): void {
  if (rule.branch === UNCONDITIONAL) join(table, row, rule.vector, rule.perms);
  else join(table.branches, branchEntry(table, row, rule.branch), rule.vector, rule.perms);
  const { origins } = table;
  const entry = push(origins.next, origins.first.data[row] ?? -1);
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

type Vectors = { readonly allow: Column; readonly auditallow: Column; readonly auditdeny: Column };

function join(vectors: Vectors, row: number, vector: Vector, perms: number): void {
  if (vector === ALLOW) vectors.allow.data[row] = (vectors.allow.data[row] ?? 0) | perms;
  else if (vector === AUDITALLOW) vectors.auditallow.data[row] = (vectors.auditallow.data[row] ?? 0) | perms;
  else vectors.auditdeny.data[row] = (vectors.auditdeny.data[row] ?? 0) & perms;
}
