import type {
  RoleAttribute,
  RoleAttributeDeclaration,
  RoleDeclaration,
  RoleTransition,
  RoleTypes,
  User,
} from '../ast.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar } from './base.ts';
import type { NameRules } from './names.ts';

/** Roles and users. `allow R R;` is with the other allow rule in rules.ts. */
export function roleRules(g: Grammar, { set, commaList, level, range }: NameRules) {
  const roleAttributeDeclaration = g.RULE('roleAttributeDeclaration', (): RoleAttributeDeclaration => {
    const start = g.here();
    g.CONSUME(keyword.attribute_role);
    const name = g.name();
    g.CONSUME(sign.semicolon);
    return { kind: 'attribute_role', name, ...g.span(start) };
  });

  const role = g.RULE('role', (): RoleDeclaration | RoleTypes => {
    const start = g.here();
    g.CONSUME(keyword.role);
    const name = g.name();
    return g.OR<RoleDeclaration | RoleTypes>([
      {
        ALT: () => {
          g.CONSUME(keyword.types);
          const types = g.SUBRULE(set);
          g.CONSUME(sign.semicolon);
          return { kind: 'roleTypes', name, types, ...g.span(start) };
        },
      },
      {
        ALT: () => {
          const attributes = g.OPTION(() => {
            g.CONSUME(sign.comma);
            return g.SUBRULE(commaList);
          });
          g.CONSUME1(sign.semicolon);
          return { kind: 'role', name, attributes: attributes ?? [], ...g.span(start) };
        },
      },
    ]);
  });

  const roleAttribute = g.RULE('roleAttribute', (): RoleAttribute => {
    const start = g.here();
    g.CONSUME(keyword.roleattribute);
    const name = g.name();
    const attributes = g.SUBRULE(commaList);
    g.CONSUME(sign.semicolon);
    return { kind: 'roleattribute', name, attributes, ...g.span(start) };
  });

  const roleTransition = g.RULE('roleTransition', (): RoleTransition => {
    const start = g.here();
    g.CONSUME(keyword.role_transition);
    const roles = g.SUBRULE(set);
    const types = g.SUBRULE1(set);
    const classes = g.OPTION(() => {
      g.CONSUME(sign.colon);
      return g.SUBRULE2(set);
    });
    const to = g.name();
    g.CONSUME(sign.semicolon);
    const rule = { kind: 'role_transition', roles, types, role: to, ...g.span(start) } as const;
    return classes === undefined ? rule : { ...rule, classes };
  });

  const clearance = g.RULE('clearance', () => {
    g.CONSUME(keyword.level);
    const of = g.SUBRULE(level);
    g.CONSUME(keyword.range);
    const within = g.SUBRULE(range);
    return { level: of, range: within };
  });

  const user = g.RULE('user', (): User => {
    const start = g.here();
    g.CONSUME(keyword.user);
    const name = g.name();
    g.CONSUME(keyword.roles);
    const roles = g.SUBRULE(set);
    const cleared = g.OPTION(() => g.SUBRULE(clearance));
    g.CONSUME(sign.semicolon);
    const declared = { kind: 'user', name, roles, ...g.span(start) } as const;
    return cleared === undefined ? declared : { ...declared, ...cleared };
  });

  return { roleAttributeDeclaration, role, roleAttribute, roleTransition, user };
}
