import { type Column, createColumn, push } from './column.ts';
import { addRow, createKeyIndex, findRow, type KeyIndex } from './key-index.ts';

/** What an xperm rule says of its commands. */
export const XPERM_ALLOW = 0;
export const XPERM_AUDITALLOW = 1;
export const XPERM_DONTAUDIT = 2;
export type XpermKind = typeof XPERM_ALLOW | typeof XPERM_AUDITALLOW | typeof XPERM_DONTAUDIT;

/** Commands as ranges, rising and apart: low and high of each in turn, 0 to 0xffff. */
export type Commands = Uint16Array;

/** The xperm rules by (source, target, class), attributes kept as they are written. A row's entries are its rules. */
export interface XpermTable {
  readonly index: KeyIndex;
  /** First entry of the row. */
  readonly first: Column;
  readonly next: Column;
  readonly kind: Column;
  /** The permission whose commands these are, as its bit of the class. */
  readonly operation: Column;
  /** Index into `lists`. */
  readonly commands: Column;
  readonly statement: Column;
  readonly lists: Commands[];
}

export function createXpermTable(): XpermTable {
  const column = createColumn;
  return {
    index: createKeyIndex(),
    first: column(),
    next: column(),
    kind: column(),
    operation: column(),
    commands: column(),
    statement: column(),
    lists: [],
  };
}

/** Adds one rule for one (source, target, class). `list` is an index into `lists`. */
export function addXpermRule(
  table: XpermTable,
  source: number,
  target: number,
  tclass: number,
  rule: { readonly kind: XpermKind; readonly operation: number; readonly list: number; readonly statement: number },
): void {
  const row = addRow(table.index, source, target, tclass);
  if (row === table.first.length) push(table.first, -1);
  const entry = push(table.next, table.first.data[row] ?? -1);
  push(table.kind, rule.kind);
  push(table.operation, rule.operation);
  push(table.commands, rule.list);
  push(table.statement, rule.statement);
  table.first.data[row] = entry;
}

/** What the rules say of one command. Where `ruled` is false the permission alone decides, and the rest is false. */
export interface XpermAnswer {
  /** Some rule, of whatever kind, is about the permission's commands: only those that are allowed may be used. */
  readonly ruled: boolean;
  readonly allowed: boolean;
  readonly auditallow: boolean;
  readonly dontaudit: boolean;
}

/**
 * What the rules say of command `command` (0 to 0xffff) of the permission with bit `operation`, as the kernel's
 * security_compute_xperms_decision does. `sources` and `targets` are a type and its attributes (`types.attributesOf`).
 * A rule does not give the permission itself: that is for the access vector to say.
 */
export function findXperms(
  table: XpermTable,
  sources: ArrayLike<number>,
  targets: ArrayLike<number>,
  tclass: number,
  operation: number,
  command: number,
): XpermAnswer {
  const says = [false, false, false];
  let ruled = false;
  eachXpermRule(table, sources, targets, tclass, (entry) => {
    if (table.operation.data[entry] !== operation) return;
    ruled = true;
    const list = table.lists[table.commands.data[entry] ?? 0];
    if (list !== undefined && hasCommand(list, command)) says[table.kind.data[entry] ?? 0] = true;
  });
  return { ruled, allowed: says[XPERM_ALLOW] === true, auditallow: says[1] === true, dontaudit: says[2] === true };
}

/** Visits the entries of every rule about the sources, targets and class. */
export function eachXpermRule(
  table: XpermTable,
  sources: ArrayLike<number>,
  targets: ArrayLike<number>,
  tclass: number,
  visit: (entry: number) => void,
): void {
  for (let i = 0; i < sources.length; i++) {
    for (let j = 0; j < targets.length; j++) {
      const row = findRow(table.index, sources[i] ?? 0, targets[j] ?? 0, tclass);
      if (row < 0) continue;
      for (let entry = table.first.data[row] ?? -1; entry >= 0; entry = table.next.data[entry] ?? -1) visit(entry);
    }
  }
}

export function hasCommand(list: Commands, command: number): boolean {
  for (let at = 0; at < list.length; at += 2) {
    if (command >= (list[at] ?? 0) && command <= (list[at + 1] ?? 0)) return true;
  }
  return false;
}

/** The first command that is in both, or undefined. */
export function commonCommand(left: Commands, right: Commands): number | undefined {
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const low = Math.max(left[i] ?? 0, right[j] ?? 0);
    if (low <= Math.min(left[i + 1] ?? 0, right[j + 1] ?? 0)) return low;
    if ((left[i + 1] ?? 0) < (right[j + 1] ?? 0)) i += 2;
    else j += 2;
  }
  return undefined;
}
