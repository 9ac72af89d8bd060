import type { Range } from '../policydb/context.ts';
import type { Commands } from '../policydb/xperm-table.ts';

export const accessKinds = ['allow', 'auditallow', 'dontaudit'] as const;
export const xpermKinds = ['allowxperm', 'auditallowxperm', 'dontauditxperm'] as const;
export const typeKinds = ['type_transition', 'type_change', 'type_member'] as const;
export const roleKinds = ['role_allow', 'role_transition'] as const;

/** The kinds of rule that change an answer. */
export type RuleKind =
  | (typeof accessKinds)[number]
  | (typeof xpermKinds)[number]
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
  /** Bits of the class, for access rules; the bit of the permission for rules on its commands. */
  readonly perms: number;
  /** The branch it stands in: see access-table.ts. */
  readonly branch: number;
  /** What a transition gives: a type, a role, or a range. */
  readonly result?: number | Range;
  readonly fileName?: string;
  readonly commands?: Commands;
  /** The statements it was made of, in source order. */
  statements(): readonly number[];
}
