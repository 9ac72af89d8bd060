import type { Build } from '../build/builder.ts';
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

/** The most comparisons the checks of a policy may take, so that they end. Debian's take a thousandth of it. */
const comparisonsMax = 1_000_000_000;

/** Counts comparisons to be made. Answers false after an error, when there would be too many. */
export function mayCompare(build: Build, span: Span, comparisons: number): boolean {
  build.compared += comparisons;
  if (build.compared <= comparisonsMax) return true;
  build.report.error(span, `the checks of the policy take more than ${comparisonsMax} comparisons`, {
    hint: 'use fewer neverallow rules, or ones about fewer classes',
  });
  return false;
}
