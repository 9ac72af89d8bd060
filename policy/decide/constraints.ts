import type { ConstraintAttribute, ConstraintOperator } from '../language/ast-expressions.ts';
import { hasBit } from '../policydb/bitmap.ts';
import type { Constraint, Primitive } from '../policydb/constraint.ts';
import { type Context, dominates, type Level, OBJECT_ROLE, sameLevel } from '../policydb/context.ts';

/**
 * The truth of a constraint: contexts 1 and 2 are source and target, or for validatetrans old and new with the task as
 * context 3 (constraint_expr_eval_reason). Truth values wait as bits of one number; `compile` has bounded how many.
 */
export function holds(constraint: Constraint, first: Context, second: Context, third: Context | undefined): boolean {
  let stack = 0;
  for (const step of constraint.steps) {
    if (step.op === 'attribute' || step.op === 'names') {
      stack = (stack << 1) | (truthOf(step, first, second, third) ? 1 : 0);
    } else if (step.op === 'not') stack ^= 1;
    else if (step.op === 'and') stack = (stack >> 1) & (stack | ~1);
    else stack = (stack >> 1) | (stack & 1);
  }
  return (stack & 1) === 1;
}

/** The truth of one comparison. */
export function truthOf(step: Primitive, first: Context, second: Context, third: Context | undefined): boolean {
  if (step.op === 'attribute') return compareParts(step.attribute, step.compare, first, second);
  const context = step.context === 1 ? first : step.context === 2 ? second : third;
  return context !== undefined && hasBit(step.names, context[step.part]) === step.equal;
}

function compareParts(
  attribute: ConstraintAttribute,
  compare: ConstraintOperator,
  first: Context,
  second: Context,
): boolean {
  switch (attribute) {
    case 'user':
    case 'type':
      return (first[attribute] === second[attribute]) === (compare === 'eq');
    case 'role':
      return compareRoles(compare, first.role, second.role);
    case 'l1l2':
      return compareLevels(compare, first.range.low, second.range.low);
    case 'l1h2':
      return compareLevels(compare, first.range.low, second.range.high);
    case 'h1l2':
      return compareLevels(compare, first.range.high, second.range.low);
    case 'h1h2':
      return compareLevels(compare, first.range.high, second.range.high);
    case 'l1h1':
      return compareLevels(compare, first.range.low, first.range.high);
    case 'l2h2':
      return compareLevels(compare, second.range.low, second.range.high);
  }
}

/** Without the dominance rules of roles, which are gone, a role dominates itself only, and object_r not even that. */
function compareRoles(compare: ConstraintOperator, left: number, right: number): boolean {
  const same = left === right;
  if (compare === 'eq') return same;
  if (compare === 'ne') return !same;
  const related = same && left !== OBJECT_ROLE;
  return compare === 'incomp' ? !related : related;
}

function compareLevels(compare: ConstraintOperator, left: Level, right: Level): boolean {
  switch (compare) {
    case 'eq':
      return sameLevel(left, right);
    case 'ne':
      return !sameLevel(left, right);
    case 'dom':
      return dominates(left, right);
    case 'domby':
      return dominates(right, left);
    case 'incomp':
      return !dominates(left, right) && !dominates(right, left);
  }
}
