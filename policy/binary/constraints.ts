import type { ConstraintAttribute, ConstraintOperator } from '../language/ast-expressions.ts';
import type { Bitmap } from '../policydb/bitmap.ts';
import { type Constraint, constraintDepthMax, type Step } from '../policydb/constraint.ts';
import { fault, type Reader, readCount, readU32 } from './reader.ts';
import { fitSet, readSet, skipSet } from './sets.ts';

/** Kinds of steps, and bits of what they compare (CEXPR_* of libsepol's constraint.h). */
const STEP = { not: 1, and: 2, or: 3, attribute: 4, names: 5 } as const;
const PARTS = new Map<number, 'user' | 'role' | 'type'>([
  [1, 'user'],
  [2, 'role'],
  [4, 'type'],
]);
const TARGET = 8;
const THIRD = 16;
const ATTRIBUTES = new Map<number, ConstraintAttribute>([
  ...PARTS,
  [32, 'l1l2'],
  [64, 'l1h2'],
  [128, 'h1l2'],
  [256, 'h1h2'],
  [512, 'l1h1'],
  [1024, 'l2h2'],
]);
const OPERATORS = new Map<number, ConstraintOperator>([
  [1, 'eq'],
  [2, 'ne'],
  [3, 'dom'],
  [4, 'domby'],
  [5, 'incomp'],
]);
const BYTES_OF_STEP = 12;

/** The names of a constraint as they were written, before attributes became types. */
export interface WrittenNames {
  readonly types: Bitmap;
  readonly except: Bitmap;
  /** `*` or `~` before the set. */
  readonly form: 'list' | 'all' | 'complement';
}

/** A step, and for a set of types what was written. */
export interface ReadStep {
  readonly step: Step;
  readonly written?: WrittenNames;
}

/** How many users, roles and types there are. */
export type ValueCounts = Readonly<Record<'user' | 'role' | 'type', number>>;

export interface ReadConstraint {
  readonly perms: number;
  readonly steps: readonly ReadStep[];
  readonly start: number;
}

/** Reads `count` constraints, or with `third` validatetrans rules, of a class. Their sets still have the sizes they came with. */
export function readConstraints(reader: Reader, count: number, third: boolean): ReadConstraint[] {
  return Array.from({ length: count }, () => readConstraint(reader, third, false));
}

/** Reads one constraint, and with `keep` what was written in it; what follows it in the bytes is not touched. */
export function readConstraint(reader: Reader, third: boolean, keep: boolean): ReadConstraint {
  const start = reader.offset;
  const perms = readU32(reader) | 0;
  const count = readCount(reader, 'steps of a constraint', BYTES_OF_STEP);
  const steps: ReadStep[] = [];
  let depth = 0;
  for (let index = 0; index < count; index++) {
    const at = reader.offset;
    const read = readStep(reader, third, keep);
    const { op } = read.step;
    if (op === 'attribute' || op === 'names') depth++;
    else if (depth < (op === 'not' ? 1 : 2)) fault(reader, `\`${op}\` without what it joins`, at);
    else if (op !== 'not') depth--;
    if (depth > constraintDepthMax) fault(reader, 'a constraint that is too deep', at);
    steps.push(read);
  }
  if (depth !== 1) fault(reader, 'a constraint that has no one answer', start);
  return { perms, steps, start };
}

function readStep(reader: Reader, third: boolean, keep: boolean): ReadStep {
  const at = reader.offset;
  const kind = readU32(reader);
  const attribute = readU32(reader);
  const operator = readU32(reader);
  switch (kind) {
    case STEP.not:
      return { step: { op: 'not' } };
    case STEP.and:
      return { step: { op: 'and' } };
    case STEP.or:
      return { step: { op: 'or' } };
    case STEP.attribute: {
      const compared = ATTRIBUTES.get(attribute);
      const compare = OPERATORS.get(operator);
      const ordered = compared !== 'user' && compared !== 'type';
      if (compared === undefined || compare === undefined || !(ordered || compare === 'eq' || compare === 'ne')) {
        fault(reader, `a constraint that compares ${attribute} by ${operator}`, at);
      }
      return { step: { op: 'attribute', attribute: compared, compare } };
    }
    case STEP.names:
      return readNames(reader, attribute, operator, third, keep, at);
    default:
      return fault(reader, `${kind} is no step of a constraint`, at);
  }
}

function readNames(
  reader: Reader,
  attribute: number,
  operator: number,
  third: boolean,
  keep: boolean,
  at: number,
): ReadStep {
  const part = PARTS.get(attribute & ~(TARGET | THIRD));
  const side = attribute & (TARGET | THIRD);
  const compare = OPERATORS.get(operator);
  if (part === undefined || side === (TARGET | THIRD) || (compare !== 'eq' && compare !== 'ne')) {
    fault(reader, `a constraint that looks up ${attribute} by ${operator}`, at);
  }
  if (side === THIRD && !third) fault(reader, 'a constraint on a third context', at);
  const context = side === THIRD ? 3 : side === TARGET ? 2 : 1;
  const names = readSet(reader);
  const written = keep ? { types: readSet(reader), except: readSet(reader) } : skipSets(reader);
  const flags = readU32(reader);
  if (flags > 2) fault(reader, `unknown flags ${flags} on a set of types`, reader.offset - 4);
  const form = flags === 1 ? 'all' : flags === 2 ? 'complement' : 'list';
  const step: Step = { op: 'names', context, part, equal: compare === 'eq', names };
  return written === undefined ? { step } : { step, written: { ...written, form } };
}

function skipSets(reader: Reader): undefined {
  skipSet(reader);
  skipSet(reader);
}

/** The constraint as the database has it, its sets now of the right sizes. */
export function fitConstraint(
  reader: Reader,
  constraint: ReadConstraint,
  counts: ValueCounts,
  statement: number,
): Constraint {
  const steps = constraint.steps.map(({ step }): Step => {
    if (step.op !== 'names') return step;
    return { ...step, names: fitSet(reader, step.names, counts[step.part], constraint.start) };
  });
  return { perms: constraint.perms, steps, statement };
}
