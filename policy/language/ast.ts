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
export interface SidContext extends Span {
  readonly kind: 'sidContext';
  readonly name: string;
  readonly context: ContextName;
}

/** `fs_use_xattr`, `fs_use_task` and `fs_use_trans`. */
export interface FileSystemUse extends Span {
  readonly kind: 'fs_use';
  readonly behaviour: 'xattr' | 'task' | 'trans';
  readonly fileSystem: string;
  readonly context: ContextName;
}
/** `fileType` is a letter, or `-` for a plain file, as `ls` shows it. */
export interface GenericFileSystem extends Span {
  readonly kind: 'genfscon';
  readonly fileSystem: string;
  readonly path: string;
  readonly fileType?: string;
  readonly context: ContextName;
}
export interface PortContext extends Span {
  readonly kind: 'portcon';
  readonly protocol: string;
  readonly low: number;
  readonly high: number;
  readonly context: ContextName;
}
export interface InterfaceContext extends Span {
  readonly kind: 'netifcon';
  readonly name: string;
  readonly contexts: readonly [ContextName, ContextName];
}
export interface NodeContext extends Span {
  readonly kind: 'nodecon';
  readonly family: 4 | 6;
  readonly address: string;
  readonly mask: string;
  readonly context: ContextName;
}
export interface PartitionKeyContext extends Span {
  readonly kind: 'ibpkeycon';
  readonly prefix: string;
  readonly low: number;
  readonly high: number;
  readonly context: ContextName;
}
export interface EndPortContext extends Span {
  readonly kind: 'ibendportcon';
  readonly device: string;
  readonly port: number;
  readonly context: ContextName;
}

/** `fscon`: file systems by the device they are on. */
export interface FileSystemContext extends Span {
  readonly kind: 'fscon';
  readonly major: number;
  readonly minor: number;
  readonly contexts: readonly [ContextName, ContextName];
}
/** Xen: an interrupt. */
export interface InterruptContext extends Span {
  readonly kind: 'pirqcon';
  readonly interrupt: number;
  readonly context: ContextName;
}
/** Xen: frames of I/O memory, 64-bit numbers. */
export interface IoMemoryContext extends Span {
  readonly kind: 'iomemcon';
  readonly low: bigint;
  readonly high: bigint;
  readonly context: ContextName;
}
/** Xen: I/O ports. */
export interface IoPortContext extends Span {
  readonly kind: 'ioportcon';
  readonly low: number;
  readonly high: number;
  readonly context: ContextName;
}
/** Xen: a PCI device by its number. */
export interface PciDeviceContext extends Span {
  readonly kind: 'pcidevicecon';
  readonly device: number;
  readonly context: ContextName;
}
/** Xen: a node of the device tree by its path. */
export interface DeviceTreeContext extends Span {
  readonly kind: 'devicetreecon';
  readonly path: string;
  readonly context: ContextName;
}

/** A boolean expression in postfix order, as libsepol keeps it: operands first, then what joins them. */
export type BooleanExpression = readonly BooleanTerm[];
export type BooleanTerm =
  | { readonly op: 'bool'; readonly name: string }
  | { readonly op: 'not' | 'and' | 'or' | 'xor' | 'eq' | 'ne' };

export type ConstraintOperator = 'eq' | 'ne' | 'dom' | 'domby' | 'incomp';
export type ConstraintAttribute = 'user' | 'role' | 'type' | 'l1l2' | 'l1h2' | 'h1l2' | 'h1h2' | 'l1h1' | 'l2h2';

/**
 * A constraint in postfix order: `attribute` compares two parts of the contexts, `names` compares one part of context
 * 1 (source, old), 2 (target, new) or 3 (the task, in validatetrans) with a set of names.
 */
export type ConstraintExpression = readonly ConstraintTerm[];
export type ConstraintTerm =
  | { readonly op: 'not' | 'and' | 'or' }
  | { readonly op: 'attribute'; readonly attribute: ConstraintAttribute; readonly compare: ConstraintOperator }
  | {
      readonly op: 'names';
      readonly context: 1 | 2 | 3;
      readonly part: 'user' | 'role' | 'type';
      readonly compare: 'eq' | 'ne';
      readonly names: NameSet;
    };

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
