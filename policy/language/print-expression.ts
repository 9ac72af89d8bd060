import type { NameSet } from './ast.ts';
import type { BooleanExpression, ConstraintExpression, ConstraintOperator, ConstraintTerm } from './ast-expressions.ts';

/** How tight an operator binds; what binds looser inside needs brackets. */
const TIGHTNESS = { or: 1, xor: 2, and: 3, not: 4, eq: 5, ne: 5 } as const;
const OPERAND = 6;
const BOOLEAN_SIGN = { or: '||', xor: '^', and: '&&', not: '!', eq: '==', ne: '!=' } as const;
const PART = { user: 'u', role: 'r', type: 't' } as const;

type Operator = keyof typeof TIGHTNESS;
interface Printed {
  readonly text: string;
  readonly tightness: number;
}

/** A condition, in as few brackets as it can be read back with. */
export function printCondition(expression: BooleanExpression): string {
  return toInfix(
    expression,
    (term) => (term.op === 'bool' ? { text: term.name, tightness: OPERAND } : term.op),
    BOOLEAN_SIGN,
  );
}

/** A constraint's expression, likewise. */
export function printConstraint(expression: ConstraintExpression): string {
  const words = { ...BOOLEAN_SIGN, or: 'or', and: 'and', not: 'not' };
  return toInfix(
    expression,
    (term) =>
      term.op === 'attribute' || term.op === 'names' ? { text: printTerm(term), tightness: OPERAND } : term.op,
    words,
  );
}

/** Turns postfix order back; `read` gives an operand's text, or an operator. */
function toInfix<T>(
  terms: readonly T[],
  read: (term: T) => Printed | Operator,
  signs: Readonly<Record<Operator, string>>,
): string {
  const stack: Printed[] = [];
  const take = (least: number): string => {
    const { text, tightness } = stack.pop() ?? { text: '', tightness: OPERAND };
    return tightness < least ? `(${text})` : text;
  };
  for (const term of terms) {
    const found = read(term);
    if (typeof found !== 'string') {
      stack.push(found);
      continue;
    }
    const tightness = TIGHTNESS[found];
    if (found === 'not') {
      stack.push({ text: `${signs.not} ${take(tightness)}`, tightness });
      continue;
    }
    const right = take(tightness + 1);
    const left = take(tightness);
    stack.push({ text: `${left} ${signs[found]} ${right}`, tightness });
  }
  return stack.pop()?.text ?? '';
}

function printTerm(term: Extract<ConstraintTerm, { op: 'attribute' } | { op: 'names' }>): string {
  if (term.op === 'names') {
    return `${PART[term.part]}${term.context} ${printOperator(term.compare)} ${printNames(term.names)}`;
  }
  const { attribute } = term;
  const isPart = attribute === 'user' || attribute === 'role' || attribute === 'type';
  const [left, right] = isPart
    ? [`${PART[attribute]}1`, `${PART[attribute]}2`]
    : [attribute.slice(0, 2), attribute.slice(2)];
  return `${left} ${printOperator(term.compare)} ${right}`;
}

function printOperator(compare: ConstraintOperator): string {
  return compare === 'eq' ? '==' : compare === 'ne' ? '!=' : compare;
}

function printNames({ form, names }: NameSet): string {
  if (form === 'all') return '*';
  return `${form === 'complement' ? '~' : ''}${names.length === 1 ? names[0] : `{ ${names.join(' ')} }`}`;
}
