import type { Span } from '../language/ast.ts';
import type { Policydb } from '../policydb/policydb.ts';

/** Where a statement stands; the start of the text for none. */
export function spanOf(db: Policydb, statement: number): Span {
  return { start: db.spans.starts[statement] ?? 0, end: db.spans.ends[statement] ?? 0 };
}

/** Permissions in policy syntax: one name, or names in braces. */
export function permissionNames(db: Policydb, tclass: number, perms: number): string {
  const names = (db.classData[tclass]?.perms ?? []).filter((_, index) => (perms & (1 << index)) !== 0);
  return names.length === 1 ? (names[0] ?? '') : `{ ${names.join(' ')} }`;
}
