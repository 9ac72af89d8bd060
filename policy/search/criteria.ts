import type { RuleKind } from './listed-rule.ts';

/** How a name is compared: as it stands, or as a regular expression found anywhere in it. */
export interface NamePattern {
  readonly text: string;
  readonly regex?: boolean;
}

/** As `NamePattern`; `direct` takes an attribute for itself, else for the types that have it. */
export interface TypePattern extends NamePattern {
  readonly direct?: boolean;
}

/** What a rule has to be like; what is absent matches every rule. The meanings are those of sesearch. */
export interface Criteria {
  readonly kinds: ReadonlySet<RuleKind | 'neverallow'>;
  /** A type or attribute, or for rules on roles a role. */
  readonly source?: TypePattern;
  readonly target?: TypePattern;
  /** Any of these classes, or a regular expression for their names. */
  readonly classes?: readonly string[] | NamePattern;
  readonly perms?: readonly string[];
  /** Whether a rule must have any of the permissions, all of them, or exactly them. */
  readonly permsAre?: 'any' | 'all' | 'exactly';
  /** The type or role a transition gives. */
  readonly result?: NamePattern;
  /** Booleans in the condition around the rule. */
  readonly booleans?: readonly string[] | NamePattern;
  /** The condition must be about exactly these booleans. */
  readonly booleansExactly?: boolean;
}
