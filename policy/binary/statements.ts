import type { Policydb } from '../policydb/policydb.ts';

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

/** From which statement on what stands there is of a kind. */
export interface Section {
  readonly kind: SectionKind;
  readonly from: number;
}
export type Sections = readonly Section[];

/** Says that what is numbered from now on is of a kind. */
export function startSection(sections: Section[], db: Policydb, kind: SectionKind): void {
  sections.push({ kind, from: db.spans.starts.length });
}

export function kindOf(sections: Sections, statement: number): SectionKind | undefined {
  return sections.findLast(({ from }) => from <= statement)?.kind;
}

/** Numbers a rule of a binary policy: where it stands in the bytes, in place of a span of text. */
export function addStatement(db: Policydb, start: number, end: number): number {
  db.spans.starts.push(start);
  return db.spans.ends.push(end) - 1;
}
