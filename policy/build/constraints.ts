import type { Constraint, NameSet, Span, ValidateTransition } from '../language/ast.ts';
import type { ConstraintExpression, ConstraintTerm } from '../language/ast-expressions.ts';
import { type Bitmap, createBitmap, pooled, setBit } from '../policydb/bitmap.ts';
import { constraintDepthMax, type Step } from '../policydb/constraint.ts';
import type { Build, Handlers } from './builder.ts';
import { expandRoles } from './roles.ts';
import { permissionSet, plainSet, typeSet } from './sets.ts';

/** `constrain`, `validatetrans` and their MLS forms; the MLS ones differ by where they may stand only. */
export const constraintRules: Handlers = {
  constrain: resolveConstraint,
  mlsconstrain: resolveConstraint,
  validatetrans: resolveValidation,
  mlsvalidatetrans: resolveValidation,
};

function resolveConstraint(build: Build, rule: Constraint, statement: number): void {
  const classes = plainSet(build, rule, rule.classes, 'class');
  const steps = compile(build, rule, rule.expression, false);
  for (const tclass of classes ?? []) {
    const perms = permissionSet(build, rule, rule.perms, tclass);
    if (perms === undefined || steps === undefined) return;
    if (perms === 0) build.report.warn(rule, 'the constraint has no permission left', { hint: 'remove it' });
    else build.db.classData[tclass]?.constraints.push({ perms, steps, statement });
  }
}

function resolveValidation(build: Build, rule: ValidateTransition, statement: number): void {
  const classes = plainSet(build, rule, rule.classes, 'class');
  const steps = compile(build, rule, rule.expression, true);
  if (steps === undefined) return;
  for (const tclass of classes ?? []) build.db.classData[tclass]?.validations.push({ perms: 0, steps, statement });
}

function compile(build: Build, rule: Span, expression: ConstraintExpression, third: boolean): Step[] | undefined {
  const steps: Step[] = [];
  let depth = 0;
  for (const term of expression) {
    const step = compileTerm(build, rule, term, third);
    if (step === undefined) return undefined;
    steps.push(step);
    if (step.op === 'attribute' || step.op === 'names') depth++;
    else if (step.op !== 'not') depth--;
    if (depth > constraintDepthMax) {
      const hint = `at most ${constraintDepthMax} values may wait; write it with fewer brackets, deeper parts first`;
      build.report.error(rule, 'the constraint is too deep', { hint });
      return undefined;
    }
  }
  return steps;
}

function compileTerm(build: Build, rule: Span, term: ConstraintTerm, third: boolean): Step | undefined {
  if (term.op !== 'names') return term;
  if (term.context === 3 && !third) {
    build.report.error(rule, '`u3`, `r3` and `t3` are for validatetrans only', { hint: 'use context 1 or 2' });
    return undefined;
  }
  const names = nameSet(build, rule, term.part, term.names);
  if (names === undefined) return undefined;
  return { op: 'names', context: term.context, part: term.part, equal: term.compare === 'eq', names };
}

/** Attributes, of types and of roles, become their members. */
function nameSet(build: Build, rule: Span, part: 'user' | 'role' | 'type', set: NameSet): Bitmap | undefined {
  const { users, roles, types } = build.db;
  const size = { user: users, role: roles, type: types }[part].names.length - 1;
  const values = part === 'type' ? typeSet(build, rule, set, { expand: true }) : plainSet(build, rule, set, part);
  if (values === undefined) return undefined;
  const bitmap = createBitmap(size);
  for (const value of part === 'role' ? expandRoles(build, values) : values) setBit(bitmap, value);
  return pooled(build.memo.constrained, bitmap);
}
