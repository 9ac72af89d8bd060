import { UNCONDITIONAL } from './access-table.ts';
import { type Column, createColumn, push } from './column.ts';
import { addRow, createKeyIndex, findRow, type KeyIndex } from './key-index.ts';

/**
 * One of type_transition, type_change and type_member, by concrete (source, target, class). A row's entries are the
 * unconditional rule, or the conditional ones by branch.
 */
export interface TypeTable {
  readonly index: KeyIndex;
  readonly first: Column;
  readonly next: Column;
  readonly branch: Column;
  readonly type: Column;
  readonly statement: Column;
}

export function createTypeTable(): TypeTable {
  const column = createColumn;
  return {
    index: createKeyIndex(),
    first: column(),
    next: column(),
    branch: column(),
    type: column(),
    statement: column(),
  };
}

/** How a rule stands to the ones that are there: see checkpolicy's expand_terule_helper. */
export interface TypeRuleOutcome {
  readonly outcome: 'added' | 'same' | 'duplicate' | 'conflict';
  /** The type of the rule that is there. */
  readonly type: number;
}

/** Adds the rule unless one for the same key stands in its way. */
export function addTypeRule(
  table: TypeTable,
  source: number,
  target: number,
  tclass: number,
  rule: { readonly type: number; readonly branch: number; readonly statement: number },
): TypeRuleOutcome {
  const row = addRow(table.index, source, target, tclass);
  if (row === table.first.length) push(table.first, -1);
  const otherSide = rule.branch === UNCONDITIONAL ? UNCONDITIONAL : rule.branch ^ 1;
  for (let entry = table.first.data[row] ?? -1; entry >= 0; entry = table.next.data[entry] ?? -1) {
    const branch = table.branch.data[entry] ?? UNCONDITIONAL;
    if (branch === otherSide && branch !== rule.branch) continue;
    const type = table.type.data[entry] ?? 0;
    if (type !== rule.type) return { outcome: 'conflict', type };
    return { outcome: branch === rule.branch ? 'same' : 'duplicate', type };
  }
  const entry = push(table.next, table.first.data[row] ?? -1);
  push(table.branch, rule.branch);
  push(table.type, rule.type);
  push(table.statement, rule.statement);
  table.first.data[row] = entry;
  return { outcome: 'added', type: rule.type };
}

/** The entry in force for the key, or -1: the unconditional one, else the one whose branch is on. */
export function findTypeRule(
  table: TypeTable,
  source: number,
  target: number,
  tclass: number,
  branchOn: Uint8Array,
): number {
  const row = findRow(table.index, source, target, tclass);
  if (row < 0) return -1;
  let enabled = -1;
  for (let entry = table.first.data[row] ?? -1; entry >= 0; entry = table.next.data[entry] ?? -1) {
    const branch = table.branch.data[entry] ?? UNCONDITIONAL;
    if (branch === UNCONDITIONAL) return entry;
    if (branchOn[branch] === 1) enabled = entry;
  }
  return enabled;
}
