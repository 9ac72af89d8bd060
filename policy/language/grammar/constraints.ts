import type { TokenType } from 'chevrotain';
import type { Constraint, ValidateTransition } from '../ast.ts';
import type { ConstraintAttribute, ConstraintOperator, ConstraintTerm } from '../ast-expressions.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';
import type { NameRules } from './names.ts';

type Out = [ConstraintTerm[]];
const PARTS = { u: 'user', r: 'role', t: 'type' } as const;

/** `constrain`, `validatetrans` and their MLS forms, with the expressions of both. From loose to tight: `or`, `and`, `not`. */
export function constraintRules(g: Grammar, { set, pushedSet }: NameRules) {
  const choose = <T>(name: string, choices: readonly (readonly [TokenType, T])[]): Rule<T> =>
    g.RULE(name, () =>
      g.OR<T>(
        choices.map(([type, value]) => ({
          ALT: () => {
            g.CONSUME(type);
            return value;
          },
        })),
      ),
    );

  const sameOrNot = choose<'eq' | 'ne'>('sameOrNot', [
    [sign.equals, 'eq'],
    [sign.notEquals, 'ne'],
  ]);
  const compare = choose<ConstraintOperator>('compare', [
    [sign.equals, 'eq'],
    [sign.notEquals, 'ne'],
    [keyword.dom, 'dom'],
    [keyword.domby, 'domby'],
    [keyword.incomp, 'incomp'],
  ]);

  /** `u1 == u2` and `t1 == t2`, or the part of context 1 against names. */
  const firstPart = (part: 'u' | 't'): Rule<ConstraintTerm> =>
    g.RULE(`${part}1`, () => {
      g.CONSUME(keyword[`${part}1`]);
      const op = g.SUBRULE(sameOrNot);
      return g.OR<ConstraintTerm>([
        {
          ALT: () => {
            g.CONSUME(keyword[`${part}2`]);
            return { op: 'attribute', attribute: PARTS[part], compare: op };
          },
        },
        {
          ALT: () => {
            const names = g.SUBRULE(pushedSet);
            return { op: 'names', context: 1, part: PARTS[part], compare: op, names };
          },
        },
      ]);
    });

  const order = choose<ConstraintOperator>('order', [
    [keyword.dom, 'dom'],
    [keyword.domby, 'domby'],
    [keyword.incomp, 'incomp'],
  ]);
  /** Roles can also be ordered, but only against one another. */
  const firstRole = g.RULE('r1', (): ConstraintTerm => {
    g.CONSUME(keyword.r1);
    return g.OR<ConstraintTerm>([
      {
        ALT: () => {
          const op = g.SUBRULE(order);
          g.CONSUME(keyword.r2);
          return { op: 'attribute', attribute: 'role', compare: op };
        },
      },
      {
        ALT: () => {
          const op = g.SUBRULE(sameOrNot);
          return g.OR1<ConstraintTerm>([
            {
              ALT: () => {
                g.CONSUME1(keyword.r2);
                return { op: 'attribute', attribute: 'role', compare: op };
              },
            },
            {
              ALT: () => {
                const names = g.SUBRULE(pushedSet);
                return { op: 'names', context: 1, part: 'role', compare: op, names };
              },
            },
          ]);
        },
      },
    ]);
  });

  const otherPart = (part: 'u' | 'r' | 't', context: 2 | 3): Rule<ConstraintTerm> =>
    g.RULE(`${part}${context}`, () => {
      g.CONSUME(keyword[`${part}${context}`]);
      const op = g.SUBRULE(sameOrNot);
      const names = g.SUBRULE(pushedSet);
      return { op: 'names', context, part: PARTS[part], compare: op, names };
    });

  const levels = (left: 'l1' | 'h1' | 'l2', rights: readonly ('l2' | 'h2' | 'h1')[]): Rule<ConstraintTerm> => {
    const right = choose<ConstraintAttribute>(
      `${left}Right`,
      rights.map((word) => [keyword[word], `${left}${word}` as ConstraintAttribute] as const),
    );
    return g.RULE(left, (): ConstraintTerm => {
      g.CONSUME(keyword[left]);
      const op = g.SUBRULE(compare);
      const attribute = g.SUBRULE(right);
      return { op: 'attribute', attribute, compare: op };
    });
  };

  /** The spellings of before `u1`, `r1` and `t1`. */
  const legacySide = (side: 'source' | 'target'): Rule<ConstraintTerm> =>
    g.RULE(`legacy_${side}`, (): ConstraintTerm => {
      g.CONSUME(keyword[side]);
      const part = g.OR<'role' | 'type'>([
        {
          ALT: () => {
            g.CONSUME(keyword.role);
            return 'role';
          },
        },
        {
          ALT: () => {
            g.CONSUME(keyword.type);
            return 'type';
          },
        },
      ]);
      const names = g.SUBRULE(pushedSet);
      return { op: 'names', context: side === 'source' ? 1 : 2, part, compare: 'eq', names };
    });
  const legacyRole = g.RULE('legacyRole', (): ConstraintTerm => {
    g.CONSUME(keyword.role);
    const op = g.SUBRULE(compare);
    return { op: 'attribute', attribute: 'role', compare: op };
  });
  const sameUser = g.RULE('sameUser', (): ConstraintTerm => {
    g.CONSUME(keyword.sameuser);
    return { op: 'attribute', attribute: 'user', compare: 'eq' };
  });

  const primitives = [
    firstPart('u'),
    firstRole,
    firstPart('t'),
    otherPart('u', 2),
    otherPart('r', 2),
    otherPart('t', 2),
    otherPart('u', 3),
    otherPart('r', 3),
    otherPart('t', 3),
    levels('l1', ['l2', 'h2', 'h1']),
    levels('h1', ['l2', 'h2']),
    levels('l2', ['h2']),
    legacySide('source'),
    legacySide('target'),
    legacyRole,
    sameUser,
  ];
  const primitive = g.RULE('primitive', () =>
    g.OR<ConstraintTerm>(primitives.map((rule) => ({ ALT: () => g.SUBRULE(rule) }))),
  );

  const negation: Rule<void, Out> = g.RULE('negation', (out: ConstraintTerm[] = []) => {
    let count = 0;
    g.MANY(() => {
      g.CONSUME(sign.not);
      count++;
    });
    g.OR([
      {
        ALT: () => {
          const term = g.SUBRULE(primitive);
          out.push(term);
        },
      },
      {
        ALT: () => {
          g.CONSUME(sign.parenOpen);
          g.SUBRULE(either, { ARGS: [out] });
          g.CONSUME(sign.parenClose);
        },
      },
    ]);
    for (; count > 0; count--) out.push({ op: 'not' });
  });

  const both: Rule<void, Out> = g.RULE('both', (out: ConstraintTerm[] = []) => {
    g.SUBRULE(negation, { ARGS: [out] });
    g.MANY(() => {
      g.CONSUME(sign.and);
      g.SUBRULE1(negation, { ARGS: [out] });
      out.push({ op: 'and' });
    });
  });

  const either: Rule<void, Out> = g.RULE('either', (out: ConstraintTerm[] = []) => {
    g.SUBRULE(both, { ARGS: [out] });
    g.MANY(() => {
      g.CONSUME(sign.or);
      g.SUBRULE1(both, { ARGS: [out] });
      out.push({ op: 'or' });
    });
  });

  const constraint = (kind: 'constrain' | 'mlsconstrain'): Rule<Constraint> =>
    g.RULE(kind, (): Constraint => {
      const start = g.here();
      const expression: ConstraintTerm[] = [];
      g.CONSUME(keyword[kind]);
      const classes = g.SUBRULE(set);
      const perms = g.SUBRULE1(set);
      g.SUBRULE(either, { ARGS: [expression] });
      g.CONSUME(sign.semicolon);
      return { kind, classes, perms, expression, ...g.span(start) };
    });
  const validation = (kind: 'validatetrans' | 'mlsvalidatetrans'): Rule<ValidateTransition> =>
    g.RULE(kind, (): ValidateTransition => {
      const start = g.here();
      const expression: ConstraintTerm[] = [];
      g.CONSUME(keyword[kind]);
      const classes = g.SUBRULE(set);
      g.SUBRULE(either, { ARGS: [expression] });
      g.CONSUME(sign.semicolon);
      return { kind, classes, expression, ...g.span(start) };
    });

  return {
    constrain: constraint('constrain'),
    mlsConstrain: constraint('mlsconstrain'),
    validateTransition: validation('validatetrans'),
    mlsValidateTransition: validation('mlsvalidatetrans'),
  };
}
