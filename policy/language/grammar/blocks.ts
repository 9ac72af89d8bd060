import type { Optional, Require, RequiredKind, RequiredSymbols, Statement, User } from '../ast.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';
import type { NameRules } from './names.ts';

const REQUIRED = [
  'role',
  'type',
  'attribute',
  'attribute_role',
  'user',
  'bool',
  'tunable',
  'sensitivity',
  'category',
] as const;

/** `require { … }`, which stands in optionals and conditionals only. */
export function requireRules(g: Grammar, { set, commaList }: NameRules) {
  const kind = g.RULE(
    'requiredKind',
    (): RequiredKind =>
      g.OR<RequiredKind>(
        REQUIRED.map((word) => ({
          ALT: () => {
            g.CONSUME(keyword[word]);
            return word;
          },
        })),
      ),
  );

  const symbols = g.RULE(
    'requiredSymbols',
    (): RequiredSymbols =>
      g.OR<RequiredSymbols>([
        {
          ALT: () => {
            g.CONSUME(keyword.class);
            const name = g.name();
            const perms = g.SUBRULE(set);
            g.CONSUME(sign.semicolon);
            return { kind: 'class', name, perms };
          },
        },
        {
          ALT: () => {
            const of = g.SUBRULE(kind);
            const names = g.SUBRULE(commaList);
            g.CONSUME1(sign.semicolon);
            return { kind: of, names };
          },
        },
      ]),
  );

  const require = g.RULE('require', (): Require => {
    const start = g.here();
    const found: RequiredSymbols[] = [];
    g.CONSUME(keyword.require);
    g.CONSUME(sign.braceOpen);
    g.AT_LEAST_ONE(() => void found.push(g.SUBRULE(symbols)));
    g.CONSUME(sign.braceClose);
    return { kind: 'require', symbols: found, ...g.span(start) };
  });

  return { require };
}

/**
 * `optional { … } else { … }` around the given statements and, as it nests, around itself. Users stand last in a part.
 */
export function optionalRule(
  g: Grammar,
  inside: readonly Rule<Statement>[],
  require: Rule<Require>,
  user: Rule<User>,
): Rule<Optional> {
  const part: Rule<Statement[]> = g.RULE('optionalPart', () => {
    const found: Statement[] = [];
    const statements = [require, ...inside].map((rule) => ({ ALT: () => void found.push(g.SUBRULE(rule)) }));
    g.CONSUME(sign.braceOpen);
    g.AT_LEAST_ONE(() => {
      if (g.takeRules(found)) return;
      g.OR([
        ...statements,
        { ALT: () => void found.push(g.SUBRULE(optional)) },
        { ALT: () => void g.CONSUME(sign.semicolon) },
      ]);
    });
    g.MANY(() => void found.push(g.SUBRULE(user)));
    g.CONSUME(sign.braceClose);
    return found;
  });

  const optional: Rule<Optional> = g.RULE('optional', () => {
    const start = g.here();
    g.CONSUME(keyword.optional);
    const then = g.SUBRULE(part);
    const otherwise = g.OPTION(() => {
      g.CONSUME(keyword.else);
      return g.SUBRULE1(part);
    });
    const statement = { kind: 'optional', then, ...g.span(start) } as const;
    return otherwise === undefined ? statement : { ...statement, else: otherwise };
  });

  return optional;
}
