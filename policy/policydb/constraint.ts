import type { ConstraintAttribute, ConstraintOperator } from '../language/ast-expressions.ts';
import type { Bitmap } from './bitmap.ts';

/** One step of a constraint, in postfix order, its names looked up. `names` holds user, role or type values. */
export type Step =
  | { readonly op: 'not' | 'and' | 'or' }
  | { readonly op: 'attribute'; readonly attribute: ConstraintAttribute; readonly compare: ConstraintOperator }
  | {
      readonly op: 'names';
      readonly context: 1 | 2 | 3;
      readonly part: 'user' | 'role' | 'type';
      readonly equal: boolean;
      readonly names: Bitmap;
    };

/** A step that compares. */
export type Primitive = Extract<Step, { op: 'attribute' } | { op: 'names' }>;

/** A constraint on some permissions of a class, or (perms 0) a validatetrans rule of it. */
export interface Constraint {
  readonly perms: number;
  readonly steps: readonly Step[];
  readonly statement: number;
}

/** How many truth values may wait on the stack (CEXPR_MAXDEPTH). */
export const constraintDepthMax = 5;
