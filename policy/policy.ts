/**
 * The public face of the policy engine: SELinux kernel policy questions, answered as libsepol answers them.
 * Nothing in here knows of virtual machines, brokers or messages; the engine is usable on its own.
 */

/** Where a statement stands in the policy source: the file as named to the loader, and the line counted from 1. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
}

/** A rule that took part in an answer: its text in policy syntax, and where it stands. */
export interface RuleSource extends SourceLine {
  readonly text: string;
}

/** One finding of the loader. `span` counts characters from 0 in the text it was given; `hint` says what to do. */
export interface Diagnostic extends SourceLine {
  readonly severity: 'error' | 'warning';
  readonly column: number;
  readonly span: { readonly start: number; readonly end: number };
  readonly message: string;
  readonly hint?: string;
}

/**
 * Which stage removed a permission that was asked for. The first four are libsepol's; `UNKNOWN` is a class or a
 * permission the policy does not declare, `INVALID` a context that is not valid in it. Both are refusals here,
 * whatever handle_unknown says.
 */
export type DenialReason = 'TE' | 'CONS' | 'RBAC' | 'BOUNDS' | 'UNKNOWN' | 'INVALID';

/** The answer to computeAv. Permission names are in the class's declared order. */
export interface AccessVector {
  readonly allowed: readonly string[];
  readonly auditallow: readonly string[];
  readonly auditdeny: readonly string[];
  readonly seqno: number;
  readonly permissive: boolean;
}

/**
 * A constraint with the values of one question filled in, as a tree. A comparison has its own text (`l1 dom l2`), what
 * stood on its left (`s0`), and what on its right where that is not in the text already.
 */
export type ConstraintTrace =
  | { readonly op: 'and' | 'or'; readonly holds: boolean; readonly of: readonly [ConstraintTrace, ConstraintTrace] }
  | { readonly op: 'not'; readonly holds: boolean; readonly of: readonly [ConstraintTrace] }
  | {
      readonly op: 'compare';
      readonly holds: boolean;
      readonly text: string;
      readonly left: string;
      readonly right?: string;
    };

/** A constraint or validatetrans rule that is false: the statement, and why as a tree and in one line. */
export interface FailedConstraint {
  readonly rule: RuleSource;
  readonly trace: ConstraintTrace;
  /** `t1 == mlsfilewrite (user_t: false) or l1 == l2 (s0, s0:c1: false)`. */
  readonly text: string;
}

/** A rule in a branch that is off: the condition of the branch, and the fewest booleans to set to turn it on, one way each. */
export interface OffRule extends RuleSource {
  readonly condition: string;
  readonly switches: readonly Readonly<Record<string, boolean>>[];
}

/** The answer to one permission, with what granted it or what stands in the way. */
export interface Explanation {
  readonly allowed: boolean;
  /** The allow rules that grant the permission; empty when none does. */
  readonly granting: readonly RuleSource[];
  /** The allow rules that would grant it, were the condition around them true; only where no rule grants it now. */
  readonly off?: readonly OffRule[];
  readonly reason?: DenialReason;
  /** Every constraint that is false for the permission: of the type itself, else of the parent it is bounded by. */
  readonly constraints?: readonly FailedConstraint[];
  /** The statement in the way: the first false constraint, the neverallow that forbids the rule, or the typebounds. */
  readonly blocking?: RuleSource;
  /** The fewest statements that would grant it, one a line in policy syntax; absent where no rule can help. */
  readonly missing?: string;
  /** Why no rule can help; absent where `missing` is given. `bounds`: the parent cannot be given the permission. */
  readonly obstacle?: 'constraint' | 'neverallow' | 'bounds';
}

/** The answer to one command of a permission (an `ioctl`), as the kernel gives it. */
export interface CommandAccess {
  readonly allowed: boolean;
  /** Whether the kernel logs it: a refusal that no dontaudit covers, or a grant that an auditallow wants logged. */
  readonly audited: boolean;
  /** True where rules about commands had a say; else the permission alone decides. */
  readonly ruled: boolean;
  readonly reason?: DenialReason;
}

/** A computed context, the rule that chose its type, or why there is none. */
export type Computed =
  | { readonly ok: true; readonly context: string; readonly rule?: RuleSource }
  | {
      readonly ok: false;
      readonly reason: 'INVALID_SOURCE' | 'INVALID_TARGET' | 'INVALID_RESULT' | 'UNKNOWN_CLASS';
      readonly context?: string;
    };

/** The answer to validateTransition: true, or the rule that is false. */
export type Validation =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: DenialReason;
      readonly blocking?: RuleSource;
      readonly failed?: FailedConstraint;
    };

/**
 * A loaded policy. Contexts go in and come out as text; a context that is not valid in the policy never throws, it is
 * an answer (`INVALID`). Every method is pure; a reload makes a new Policy with a higher `seqno`.
 */
export interface Policy {
  /** SHA-256 of what was loaded, lower-case hex. */
  readonly digest: string;
  readonly seqno: number;
  readonly mls: boolean;
  /** The booleans and their current values, sorted by name. */
  readonly booleans: ReadonlyMap<string, boolean>;
  /** True when the policy declares the class and every one of the permissions. */
  declares(tclass: string, perms: readonly string[]): boolean;
  /** The canonical form of a valid context (aliases resolved, categories compressed), else undefined. */
  canonical(context: string): string | undefined;
  computeAv(scontext: string, tcontext: string, tclass: string): AccessVector;
  computeTransition(scontext: string, tcontext: string, tclass: string, name?: string): Computed;
  computeChange(scontext: string, tcontext: string, tclass: string): Computed;
  computeMember(scontext: string, tcontext: string, tclass: string): Computed;
  validateTransition(oldcontext: string, newcontext: string, taskcontext: string, tclass: string): Validation;
  explain(scontext: string, tcontext: string, tclass: string, perm: string): Explanation;
  /** True when a type_transition / type_change rule (or a filename rule) matches the pair, so that "no rule" can be told from "a rule". */
  hasTypeRule(
    kind: 'type_transition' | 'type_change' | 'type_member',
    scontext: string,
    tcontext: string,
    tclass: string,
  ): boolean;
  /** The same policy with some booleans set, under a new sequence number. Unknown names are an error. */
  withBooleans(values: Readonly<Record<string, boolean>>, seqno: number): Policy;
}

/** What a policy says of a user; the levels only in an MLS policy. */
export interface UserClearance {
  readonly roles: readonly string[];
  readonly level?: string;
  readonly range?: string;
}

/** What only a policy that was loaded here can answer: a running kernel has no question for it. */
export interface LoadedPolicy extends Policy {
  /**
   * Of `perms` (all of the class, unless given) those that are not allowed, each with the stage that removed it; what is
   * allowed is not in it. Where the class is unknown and no permissions are given there is one entry, `*`.
   */
  reasons(
    scontext: string,
    tcontext: string,
    tclass: string,
    perms?: readonly string[],
  ): ReadonlyMap<string, DenialReason>;
  /** One command (the low 16 bits of an ioctl's number) of a permission; libsepol has no such question. */
  computeCommand(scontext: string, tcontext: string, tclass: string, perm: string, command: number): CommandAccess;
  /** True when the first level is at least as high and has every category of the second; undefined unless both are levels. */
  dominates(level: string, other: string): boolean | undefined;
  /** True when the second range lies within the first; undefined unless both are ranges. A level is a range. */
  contains(range: string, other: string): boolean | undefined;
  user(name: string): UserClearance | undefined;
  withBooleans(values: Readonly<Record<string, boolean>>, seqno: number): LoadedPolicy;
}

/** What the loader answers: a policy with its warnings, or the errors. */
export type Loaded =
  | { readonly ok: true; readonly policy: LoadedPolicy; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };
