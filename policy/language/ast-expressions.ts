import type { NameSet } from './ast.ts';

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
