import type {
  DeviceTreeContext,
  EndPortContext,
  FileSystemContext,
  FileSystemUse,
  GenericFileSystem,
  InterfaceContext,
  InterruptContext,
  IoMemoryContext,
  IoPortContext,
  NodeContext,
  PartitionKeyContext,
  PciDeviceContext,
  PortContext,
  SidContext,
} from './ast-contexts.ts';
import type { BooleanExpression, ConstraintExpression } from './ast-expressions.ts';

/**
 * The abstract syntax of a policy source. Names are still text: nothing here knows what is declared.
 * Every statement carries the characters it spans in the joined source text; see source.ts for file and line.
 */

/** Characters from `start` up to and without `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * A set as written. `list` is `{ a b -c }` (or one name), `all` is `*`, `complement` is `~{ a b -c }`.
 * `self` is an ordinary name here; only the rules that allow it give it a meaning.
 */
export interface NameSet {
  readonly form: 'list' | 'all' | 'complement';
  readonly names: readonly string[];
  readonly except: readonly string[];
}

/** `s0` or `s0:c0.c3,c5`. A category range stays one name, as the language scans it. */
export interface LevelName {
  readonly sensitivity: string;
  readonly categories: readonly string[];
}

export interface RangeName {
  readonly low: LevelName;
  readonly high?: LevelName;
}

export interface ContextName extends Span {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly range?: RangeName;
}

export type AvRuleKind = 'allow' | 'auditallow' | 'auditdeny' | 'dontaudit' | 'neverallow';
export type XpermRuleKind = `${'allow' | 'auditallow' | 'dontaudit' | 'neverallow'}xperm`;
export type TypeRuleKind = 'type_transition' | 'type_change' | 'type_member';
export type DefaultOf = 'user' | 'role' | 'type' | 'range';
export type DefaultValue = 'source' | 'target' | `${'source' | 'target'} ${'low' | 'high' | 'low-high'}` | 'glblub';

export interface ClassDeclaration extends Span {
  readonly kind: 'class';
  readonly name: string;
}
export interface SidDeclaration extends Span {
  readonly kind: 'sid';
  readonly name: string;
}
export interface CommonPermissions extends Span {
  readonly kind: 'common';
  readonly name: string;
  readonly perms: readonly string[];
}
export interface ClassPermissions extends Span {
  readonly kind: 'classPermissions';
  readonly name: string;
  readonly inherits?: string;
  readonly perms: readonly string[];
}
export interface DefaultRule extends Span {
  readonly kind: 'default';
  readonly of: DefaultOf;
  readonly classes: NameSet;
  readonly value: DefaultValue;
}
export interface Sensitivity extends Span {
  readonly kind: 'sensitivity';
  readonly name: string;
  readonly aliases: readonly string[];
}
export interface Dominance extends Span {
  readonly kind: 'dominance';
  readonly names: readonly string[];
}
export interface Category extends Span {
  readonly kind: 'category';
  readonly name: string;
  readonly aliases: readonly string[];
}
export interface Level extends Span {
  readonly kind: 'level';
  readonly level: LevelName;
}
export interface AttributeDeclaration extends Span {
  readonly kind: 'attribute';
  readonly name: string;
}
export interface ExpandAttribute extends Span {
  readonly kind: 'expandattribute';
  readonly names: NameSet;
  readonly value: boolean;
}
export interface TypeDeclaration extends Span {
  readonly kind: 'type';
  readonly name: string;
  readonly aliases: readonly string[];
  readonly attributes: readonly string[];
}
export interface TypeAlias extends Span {
  readonly kind: 'typealias';
  readonly name: string;
  readonly aliases: readonly string[];
}
export interface TypeAttribute extends Span {
  readonly kind: 'typeattribute';
  readonly name: string;
  readonly attributes: readonly string[];
}
export interface TypeBounds extends Span {
  readonly kind: 'typebounds';
  readonly parent: string;
  readonly children: readonly string[];
}
export interface BooleanDeclaration extends Span {
  readonly kind: 'bool' | 'tunable';
  readonly name: string;
  readonly value: boolean;
}
export interface AvRule extends Span {
  readonly kind: 'avRule';
  readonly rule: AvRuleKind;
  readonly source: NameSet;
  readonly target: NameSet;
  readonly classes: NameSet;
  readonly perms: NameSet;
}
/** Numbers from `low` up to and with `high`. */
export interface NumberRange {
  readonly low: number;
  readonly high: number;
}
/** `{ 0x8900-0x8910 0x5401 }`, or all other commands (`~`). Nested sets are flattened. */
export interface XpermSet {
  readonly form: 'list' | 'complement';
  readonly ranges: readonly NumberRange[];
}
/** A rule about the commands of one permission, which is `ioctl`. */
export interface XpermRule extends Span {
  readonly kind: 'xpermRule';
  readonly rule: XpermRuleKind;
  readonly source: NameSet;
  readonly target: NameSet;
  readonly classes: NameSet;
  readonly operation: string;
  readonly xperms: XpermSet;
}
export interface TypeRule extends Span {
  readonly kind: 'typeRule';
  readonly rule: TypeRuleKind;
  readonly source: NameSet;
  readonly target: NameSet;
  readonly classes: NameSet;
  readonly type: string;
  readonly fileName?: string;
}
export interface RangeTransition extends Span {
  readonly kind: 'range_transition';
  readonly source: NameSet;
  readonly target: NameSet;
  readonly classes?: NameSet;
  readonly range: RangeName;
}
export interface Permissive extends Span {
  readonly kind: 'permissive';
  readonly name: string;
}
export interface PolicyCapability extends Span {
  readonly kind: 'policycap';
  readonly name: string;
}
/** What may stand inside an `if`. A `require` there is one of the block around the `if`. */
export type ConditionalRule = AvRule | TypeRule | Require;
export interface Conditional extends Span {
  readonly kind: 'if';
  readonly condition: BooleanExpression;
  readonly then: readonly ConditionalRule[];
  readonly else: readonly ConditionalRule[];
}
export type RequiredKind =
  | 'role'
  | 'type'
  | 'attribute'
  | 'attribute_role'
  | 'user'
  | 'bool'
  | 'tunable'
  | 'sensitivity'
  | 'category';
export type RequiredSymbols =
  | { readonly kind: 'class'; readonly name: string; readonly perms: NameSet }
  | { readonly kind: RequiredKind; readonly names: readonly string[] };
/** What the optional around it depends on. */
export interface Require extends Span {
  readonly kind: 'require';
  readonly symbols: readonly RequiredSymbols[];
}
/** `optional { … } else { … }`: the first part when all it requires is declared, else the second. */
export interface Optional extends Span {
  readonly kind: 'optional';
  readonly then: readonly Statement[];
  readonly else?: readonly Statement[];
}
export interface RoleAttributeDeclaration extends Span {
  readonly kind: 'attribute_role';
  readonly name: string;
}
export interface RoleDeclaration extends Span {
  readonly kind: 'role';
  readonly name: string;
  readonly attributes: readonly string[];
}
export interface RoleTypes extends Span {
  readonly kind: 'roleTypes';
  readonly name: string;
  readonly types: NameSet;
}
export interface RoleAttribute extends Span {
  readonly kind: 'roleattribute';
  readonly name: string;
  readonly attributes: readonly string[];
}
export interface RoleAllow extends Span {
  readonly kind: 'roleAllow';
  readonly from: NameSet;
  readonly to: NameSet;
}
export interface RoleTransition extends Span {
  readonly kind: 'role_transition';
  readonly roles: NameSet;
  readonly types: NameSet;
  readonly classes?: NameSet;
  readonly role: string;
}
export interface User extends Span {
  readonly kind: 'user';
  readonly name: string;
  readonly roles: NameSet;
  readonly level?: LevelName;
  readonly range?: RangeName;
}
export interface Constraint extends Span {
  readonly kind: 'constrain' | 'mlsconstrain';
  readonly classes: NameSet;
  readonly perms: NameSet;
  readonly expression: ConstraintExpression;
}
export interface ValidateTransition extends Span {
  readonly kind: 'validatetrans' | 'mlsvalidatetrans';
  readonly classes: NameSet;
  readonly expression: ConstraintExpression;
}

export type Statement =
  | ClassDeclaration
  | SidDeclaration
  | CommonPermissions
  | ClassPermissions
  | DefaultRule
  | Sensitivity
  | Dominance
  | Category
  | Level
  | AttributeDeclaration
  | ExpandAttribute
  | TypeDeclaration
  | TypeAlias
  | TypeAttribute
  | TypeBounds
  | BooleanDeclaration
  | AvRule
  | XpermRule
  | TypeRule
  | RangeTransition
  | Permissive
  | PolicyCapability
  | Conditional
  | Require
  | Optional
  | RoleAttributeDeclaration
  | RoleDeclaration
  | RoleTypes
  | RoleAttribute
  | RoleAllow
  | RoleTransition
  | User
  | Constraint
  | ValidateTransition
  | SidContext
  | FileSystemContext
  | FileSystemUse
  | GenericFileSystem
  | PortContext
  | InterfaceContext
  | NodeContext
  | InterruptContext
  | IoMemoryContext
  | IoPortContext
  | PciDeviceContext
  | DeviceTreeContext
  | PartitionKeyContext
  | EndPortContext;
