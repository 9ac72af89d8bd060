import type { AccessTable } from '../policydb/access-table.ts';
import type { Column } from '../policydb/column.ts';
import type { KeyIndex } from '../policydb/key-index.ts';
import type { Lists } from '../policydb/lists.ts';
import type { Presence } from '../policydb/presence.ts';
import type { TypeTable } from '../policydb/type-table.ts';
import type { XpermTable } from '../policydb/xperm-table.ts';
import type { Answers } from './content.ts';

/**
 * Checks what a question follows without looking: that look-ups end, that chains have no circles, and that every index
 * is within its table. Throws a RangeError where one is not. The rest of a form is covered by its digest.
 */
export function checkTables(db: Answers['db']): void {
  checkAccess(db.access, db.conditionals.length * 2);
  for (const table of Object.values(db.typeRules)) checkTypeTable(table);
  checkXperms(db.xperms);
  const count = db.types.names.length;
  checkLists(db.types.attributesOf, count);
  if (db.roles.types.length !== db.roles.names.length) {
    throw new RangeError('a table of types or roles has the wrong size');
  }
}

function checkAccess(access: Answers['db']['access'], branchCount: number): void {
  const { branches } = access;
  const rows = checkIndex(access.index);
  checkLengths(rows, [access.allow, access.auditallow, access.auditdeny, access.conditional]);
  checkLengths(branches.next.length, [branches.branch, branches.allow, branches.auditallow, branches.auditdeny]);
  checkRange(access.conditional, branches.next.length);
  checkPresence(access.presence);
  checkChain(branches.next);
  checkRange(branches.branch, branchCount);
}

/** The same for what explanations follow. */
export function checkOrigins({ access, conditionals }: Answers['db'], origins: AccessTable['origins']): void {
  checkLengths(access.index.pairs.length, [origins.first]);
  checkLengths(origins.next.length, [origins.vector, origins.branch, origins.perms, origins.statement]);
  checkRange(origins.first, origins.next.length);
  checkChain(origins.next);
  checkRange(origins.branch, conditionals.length * 2);
}

function checkTypeTable(table: TypeTable): void {
  const rows = checkIndex(table.index);
  checkLengths(rows, [table.first]);
  checkLengths(table.next.length, [table.branch, table.type, table.statement]);
  checkRange(table.first, table.next.length);
  checkChain(table.next);
}

function checkXperms(table: XpermTable): void {
  const rows = checkIndex(table.index);
  checkLengths(rows, [table.first]);
  checkLengths(table.next.length, [table.kind, table.operation, table.commands, table.statement]);
  checkRange(table.first, table.next.length);
  checkChain(table.next);
  checkRange(table.commands, table.lists.length);
}

/** A hash is cut to their length by its lowest bits. */
function checkPresence(presence: Presence | undefined): void {
  for (const { length } of [presence?.sources ?? [], presence?.targets ?? []]) {
    if (length === 0 || (length & (length - 1)) !== 0) throw new RangeError('what has rules is not told');
  }
}

function checkLists({ starts, values }: Lists, count: number): void {
  if (starts.length !== count + 1 || starts[0] !== 0 || starts[count] !== values.length) {
    throw new RangeError('lists of the wrong size');
  }
  for (let list = 0; list < count; list++) {
    if ((starts[list] as number) > (starts[list + 1] as number))
      throw new RangeError('a list that ends before it starts');
  }
}

/** Answers the number of rows. At most half of the slots may be taken, so that every search comes to a free one. */
function checkIndex({ pairs, classes, slots }: KeyIndex): number {
  const rows = pairs.length;
  const count = slots.length;
  checkLengths(rows, [classes]);
  let taken = 0;
  for (let slot = 0; slot < count; slot++) {
    const row = slots[slot] as number;
    if (row < -1 || row >= rows) throw new RangeError('a slot is outside its table');
    if (row >= 0) taken++;
  }
  const powerOfTwo = count > 0 && (count & (count - 1)) === 0;
  if (!powerOfTwo || taken !== rows || rows * 2 > count) throw new RangeError('a table has the wrong slots');
  return rows;
}

function checkLengths(length: number, columns: readonly Column[]): void {
  for (const column of columns) {
    if (column.length !== length || column.data.length !== length) throw new RangeError('columns differ in length');
  }
}

/** Entries are -1 or below `limit`. */
function checkRange({ data, length }: Column, limit: number): void {
  for (let row = 0; row < length; row++) {
    const entry = data[row] as number;
    if (entry < -1 || entry >= limit) throw new RangeError('an entry is outside its table');
  }
}

/** A chain goes to entries made before, so that it ends. */
function checkChain({ data, length }: Column): void {
  if (data.length !== length) throw new RangeError('columns differ in length');
  for (let row = 0; row < length; row++) {
    const next = data[row] as number;
    if (next < -1 || next >= row) throw new RangeError('a chain does not end');
  }
}
