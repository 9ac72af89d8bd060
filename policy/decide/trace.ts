import { printConstraint } from '../language/print-expression.ts';
import type { ConstraintTrace, FailedConstraint, RuleSource } from '../policy.ts';
import { bitsOf } from '../policydb/bitmap.ts';
import type { Constraint, Primitive } from '../policydb/constraint.ts';
import type { Context } from '../policydb/context.ts';
import type { Names, Policydb } from '../policydb/policydb.ts';
import { truthOf } from './constraints.ts';
import { formatLevel } from './context-text.ts';

/** A set of names in a trace is written out up to this many; beyond, the rest is a number. */
const namesShownMax = 6;

/** How tight the operators bind: what binds looser inside needs brackets. */
const tightness = { or: 1, and: 2, not: 3, compare: 4 } as const;

/** Why a constraint (or with a third context a validatetrans rule) is false: the contexts' values filled in. */
export function failedConstraint(
  db: Policydb,
  rule: RuleSource,
  constraint: Constraint,
  first: Context,
  second: Context,
  third?: Context,
): FailedConstraint {
  const trace = traceConstraint(db, constraint, first, second, third);
  return { rule, trace, text: printTrace(trace) };
}

function traceConstraint(
  db: Policydb,
  constraint: Constraint,
  first: Context,
  second: Context,
  third: Context | undefined,
): ConstraintTrace {
  const stack: ConstraintTrace[] = [];
  const take = (): ConstraintTrace => {
    const found = stack.pop();
    if (found === undefined) throw new TypeError('a constraint is not in postfix order');
    return found;
  };
  for (const step of constraint.steps) {
    if (step.op === 'attribute' || step.op === 'names') {
      const values = valuesOf(db, step, first, second, third);
      const text = printPrimitive(db, step);
      stack.push({ op: 'compare', holds: truthOf(step, first, second, third), text, ...values });
    } else if (step.op === 'not') {
      const one = take();
      stack.push({ op: 'not', holds: !one.holds, of: [one] });
    } else {
      const right = take();
      const left = take();
      const holds = step.op === 'and' ? left.holds && right.holds : left.holds || right.holds;
      stack.push({ op: step.op, holds, of: [left, right] });
    }
  }
  return take();
}

/** The trace in one line, each comparison with its values and its truth. */
function printTrace(trace: ConstraintTrace): string {
  if (trace.op === 'compare') {
    const values = trace.right === undefined ? trace.left : `${trace.left}, ${trace.right}`;
    return `${trace.text} (${values}: ${trace.holds})`;
  }
  const parts = trace.of.map((part) => {
    const text = printTrace(part);
    return tightness[part.op] < tightness[trace.op] ? `( ${text} )` : text;
  });
  return trace.op === 'not' ? `not ${parts.join('')}` : parts.join(` ${trace.op} `);
}

function valuesOf(
  db: Policydb,
  step: Primitive,
  first: Context,
  second: Context,
  third: Context | undefined,
): { left: string; right?: string } {
  if (step.op === 'names') {
    const context = [first, second, third][step.context - 1];
    return { left: context === undefined ? '' : (namesOf(db, step.part).names[context[step.part]] ?? '') };
  }
  const { attribute } = step;
  if (attribute === 'user' || attribute === 'role' || attribute === 'type') {
    const { names } = namesOf(db, attribute);
    return { left: names[first[attribute]] ?? '', right: names[second[attribute]] ?? '' };
  }
  const level = (end: string): string => {
    const { range } = end.endsWith('1') ? first : second;
    return db.mls === undefined ? '' : formatLevel(db.mls, end.startsWith('l') ? range.low : range.high);
  };
  return { left: level(attribute.slice(0, 2)), right: level(attribute.slice(2)) };
}

function namesOf(db: Policydb, part: 'user' | 'role' | 'type'): Names {
  return { user: db.users, role: db.roles, type: db.types }[part];
}

function printPrimitive(db: Policydb, step: Primitive): string {
  if (step.op === 'attribute') return printConstraint([step]);
  const { context, part } = step;
  const names = { form: 'list', names: setNames(db, step), except: [] } as const;
  return printConstraint([{ op: 'names', context, part, compare: step.equal ? 'eq' : 'ne', names }]);
}

/** The names of the set: an attribute that has exactly these members, else the members. */
function setNames(db: Policydb, { part, names: set }: Extract<Primitive, { op: 'names' }>): string[] {
  const values = bitsOf(set);
  const { names } = namesOf(db, part);
  if (part !== 'user' && values.length > 1) {
    const groups = part === 'type' ? db.types : db.roles;
    for (const [value, members] of groups.members.entries()) {
      if (members?.size === values.length && values.every((one) => members.has(one))) return [names[value] ?? ''];
    }
  }
  const shown = values.slice(0, namesShownMax).map((value) => names[value] ?? '');
  return values.length > namesShownMax ? [...shown, `… ${values.length - namesShownMax} more`] : shown;
}
