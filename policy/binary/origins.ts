import { type AccessTable, addOrigin, createOrigins, type Origins } from '../policydb/access-table.ts';
import { findRow } from '../policydb/key-index.ts';
import { type Known, permsOf, vectorOf } from './access-rules.ts';
import type { Reader } from './reader.ts';

/** The statements of the rules of a branch: from one number up to and without another. */
export interface BranchStatements {
  readonly branch: number;
  readonly from: number;
  readonly end: number;
}

/**
 * Gives the table of a binary policy its origins, which are read from the rules a second time when they are first asked
 * for: decisions do not need them.
 */
export function withOrigins(
  access: AccessTable,
  reader: Reader,
  known: Known,
  branches: readonly BranchStatements[],
): void {
  let origins: Origins | undefined;
  const get = (): Origins => {
    origins ??= readOrigins(access, reader, known, branches);
    return origins;
  };
  Object.defineProperty(access, 'origins', { get, enumerable: true });
}

function readOrigins(
  access: AccessTable,
  { view, statements }: Reader,
  known: Known,
  branches: readonly BranchStatements[],
): Origins {
  const origins = createOrigins();
  for (const { branch, from, end } of branches) {
    for (let statement = from; statement < end; statement++) {
      const at = statements.starts.data[statement] as number;
      const vector = vectorOf(view.getUint16(at + 6, true));
      if (vector === undefined) continue;
      const tclass = view.getUint16(at + 4, true);
      const perms = permsOf(view, at, vector, known.perms[tclass] as number);
      const row = findRow(access.index, view.getUint16(at, true), view.getUint16(at + 2, true), tclass);
      addOrigin(origins, row, { vector, branch, perms, statement });
    }
  }
  return origins;
}
