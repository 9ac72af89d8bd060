import type {
  ClassDeclaration,
  ClassPermissions,
  CommonPermissions,
  DefaultOf,
  DefaultRule,
  DefaultValue,
  SidDeclaration,
} from '../ast.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar } from './base.ts';
import type { NameRules } from './names.ts';

/** `class`, `sid`, `common`, access vectors and `default_*`. */
export function accessRules(g: Grammar, { set, bracedList }: NameRules) {
  const classDeclaration = g.RULE('classDeclaration', (): ClassDeclaration => {
    const start = g.here();
    g.CONSUME(keyword.class);
    const name = g.name();
    return { kind: 'class', name, ...g.span(start) };
  });

  const sidDeclaration = g.RULE('sidDeclaration', (): SidDeclaration => {
    const start = g.here();
    g.CONSUME(keyword.sid);
    const name = g.name();
    return { kind: 'sid', name, ...g.span(start) };
  });

  const common = g.RULE('common', (): CommonPermissions => {
    const start = g.here();
    g.CONSUME(keyword.common);
    const name = g.name();
    const perms = g.SUBRULE(bracedList);
    return { kind: 'common', name, perms, ...g.span(start) };
  });

  const classPermissions = g.RULE('classPermissions', (): ClassPermissions => {
    const start = g.here();
    g.CONSUME(keyword.class);
    const name = g.name();
    return g.OR<ClassPermissions>([
      {
        ALT: () => {
          g.CONSUME(keyword.inherits);
          const inherits = g.name(1);
          const perms = g.OPTION(() => g.SUBRULE(bracedList)) ?? [];
          return { kind: 'classPermissions', name, inherits, perms, ...g.span(start) };
        },
      },
      {
        ALT: () => {
          const perms = g.SUBRULE1(bracedList);
          return { kind: 'classPermissions', name, perms, ...g.span(start) };
        },
      },
    ]);
  });

  const side = g.RULE('side', (): 'source' | 'target' =>
    g.OR<'source' | 'target'>([
      {
        ALT: () => {
          g.CONSUME(keyword.source);
          return 'source';
        },
      },
      {
        ALT: () => {
          g.CONSUME(keyword.target);
          return 'target';
        },
      },
    ]),
  );

  const rangeEnd = g.RULE('rangeEnd', (): 'low' | 'high' | 'low-high' =>
    g.OR<'low' | 'high' | 'low-high'>([
      {
        ALT: () => {
          g.CONSUME(keyword.low);
          return 'low';
        },
      },
      {
        ALT: () => {
          g.CONSUME(keyword.high);
          return 'high';
        },
      },
      {
        ALT: () => {
          g.CONSUME(keyword['low-high']);
          return 'low-high';
        },
      },
    ]),
  );

  const rangeValue = g.RULE(
    'rangeValue',
    (): DefaultValue =>
      g.OR<DefaultValue>([
        {
          ALT: () => {
            const of = g.SUBRULE(side);
            const end = g.SUBRULE(rangeEnd);
            return `${of} ${end}`;
          },
        },
        {
          ALT: () => {
            g.CONSUME(keyword.glblub);
            return 'glblub';
          },
        },
      ]),
  );

  const partOf = g.RULE(
    'partOf',
    (): DefaultOf =>
      g.OR<DefaultOf>([
        {
          ALT: () => {
            g.CONSUME(keyword.default_user);
            return 'user';
          },
        },
        {
          ALT: () => {
            g.CONSUME(keyword.default_role);
            return 'role';
          },
        },
        {
          ALT: () => {
            g.CONSUME(keyword.default_type);
            return 'type';
          },
        },
      ]),
  );

  const defaultRule = g.RULE('defaultRule', (): DefaultRule => {
    const start = g.here();
    return g.OR<DefaultRule>([
      {
        ALT: () => {
          const of = g.SUBRULE(partOf);
          const classes = g.SUBRULE(set);
          const value = g.SUBRULE(side);
          g.CONSUME(sign.semicolon);
          return { kind: 'default', of, classes, value, ...g.span(start) };
        },
      },
      {
        ALT: () => {
          g.CONSUME(keyword.default_range);
          const classes = g.SUBRULE1(set);
          const value = g.SUBRULE(rangeValue);
          g.CONSUME1(sign.semicolon);
          return { kind: 'default', of: 'range', classes, value, ...g.span(start) };
        },
      },
    ]);
  });

  return { classDeclaration, sidDeclaration, common, classPermissions, defaultRule };
}
