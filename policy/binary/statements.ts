import { type Column, createColumn, push } from '../policydb/column.ts';

/** What kind of entry a statement of a binary policy is. */
export type SectionKind =
  | 'constraint'
  | 'bounds'
  | 'rule'
  | 'role_transition'
  | 'role allow'
  | 'file name'
  | 'compressed file names'
  | 'range_transition';

/** From which statement on, and from which byte, what stands there is of a kind. */
export interface Section {
  readonly kind: SectionKind;
  readonly from: number;
  readonly at: number;
}

/** The rules of a binary policy by number: where each stands in the bytes, in place of a span of text. */
export interface Statements {
  readonly starts: Column;
  readonly sections: Section[];
}

export function createStatements(): Statements {
  return { starts: createColumn(), sections: [] };
}

/** Says that what is numbered from now on is of a kind, and begins at a byte. */
export function startSection({ starts, sections }: Statements, kind: SectionKind, at: number): void {
  sections.push({ kind, from: starts.length, at });
}

/** The section a statement is in. */
export function sectionOf(sections: readonly Section[], statement: number): Section | undefined {
  return sections.findLast(({ from }) => from <= statement);
}

/** Numbers the rule that starts at the byte. */
export function addStatement({ starts }: Statements, start: number): number {
  return push(starts, start);
}
