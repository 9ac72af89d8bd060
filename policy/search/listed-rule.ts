import type { Range } from '../policydb/context.ts';

export const accessKinds = ['allow', 'auditallow', 'dontaudit'] as const;
export const typeKinds = ['type_transition', 'type_change', 'type_member'] as const;
export const roleKinds = ['role_allow', 'role_transition'] as const;

/** The kinds of rule that change an answer. */
export type RuleKind =
  | (typeof accessKinds)[number]
  | (typeof typeKinds)[number]
  | 'range_transition'
  | (typeof roleKinds)[number];

/**
 * One rule as the database has it, by values: access rules of the same kind, source, target and class are one, as they
 * are in a binary policy.
 */
export interface ListedRule {
  readonly kind: RuleKind;
  /** A type or attribute; for `role_allow` and `role_transition` a role. */
  readonly source: number;
  /** A type or attribute; for `role_allow` a role. */
  readonly target: number;
  /** 0 for `role_allow`. */
  readonly tclass: number;
  /** Bits of the class, for access rules. */
  readonly perms: number;
  /** The branch it stands in: see access-table.ts. */
  readonly branch: number;
  /** What a transition gives: a type, a role, or a range. */
  readonly result?: number | Range;
  readonly fileName?: string;
  /** The statements it was made of, in source order. */
  statements(): readonly number[];
}
