import type { AvRule, AvRuleKind, NameSet, RangeTransition, RoleAllow, TypeRule, TypeRuleKind } from '../ast.ts';
import { keyword, literal, sign } from '../tokens.ts';
import type { Grammar } from './base.ts';
import type { NameRules } from './names.ts';

/** Access vector rules, type rules and `range_transition`; `allow R R;` shares its beginning with `allow S T:C P;`. */
export function ruleRules(g: Grammar, { set, range }: NameRules) {
  const auditKind = g.RULE(
    'auditKind',
    (): AvRuleKind =>
      g.OR<AvRuleKind>(
        (['auditallow', 'auditdeny', 'dontaudit'] as const).map((word) => ({
          ALT: () => {
            g.CONSUME(keyword[word]);
            return word;
          },
        })),
      ),
  );

  interface Begun {
    readonly start: number;
    readonly source: NameSet;
    readonly target: NameSet;
  }
  /** `source target`, with which both kinds of allow begin. */
  const ends = (start: number): Begun => {
    const source = g.SUBRULE(set);
    const target = g.SUBRULE1(set);
    return { start, source, target };
  };
  /** `:classes perms;` */
  const finish = (rule: AvRuleKind, { start, source, target }: Begun): AvRule => {
    g.CONSUME(sign.colon);
    const classes = g.SUBRULE2(set);
    const perms = g.SUBRULE3(set);
    g.CONSUME(sign.semicolon);
    const { start: from, end } = g.span(start);
    return { kind: 'avRule', rule, source, target, classes, perms, start: from, end };
  };

  const none: NameSet = { form: 'list', names: [], except: [] };
  let begun: Begun = { start: 0, source: none, target: none };
  const allowEndings: { ALT: () => AvRule | RoleAllow }[] = [
    { ALT: () => finish('allow', begun) },
    {
      ALT: () => {
        g.CONSUME1(sign.semicolon);
        const { start, source: from, target: to } = begun;
        return { kind: 'roleAllow', from, to, ...g.span(start) };
      },
    },
  ];
  const allow = g.RULE('allow', (): AvRule | RoleAllow => {
    const start = g.here();
    g.CONSUME(keyword.allow);
    begun = ends(start);
    return g.OR(allowEndings);
  });

  const allowInside = g.RULE('allowInside', (): AvRule => {
    const start = g.here();
    g.CONSUME(keyword.allow);
    return finish('allow', ends(start));
  });

  const audit = g.RULE('audit', (): AvRule => {
    const start = g.here();
    const rule = g.SUBRULE(auditKind);
    return finish(rule, ends(start));
  });

  const neverallow = g.RULE('neverallow', (): AvRule => {
    const start = g.here();
    g.CONSUME(keyword.neverallow);
    return finish('neverallow', ends(start));
  });

  const typeTransition = g.RULE('typeTransition', (): TypeRule => {
    const start = g.here();
    g.CONSUME(keyword.type_transition);
    const source = g.SUBRULE(set);
    const target = g.SUBRULE1(set);
    g.CONSUME(sign.colon);
    const classes = g.SUBRULE2(set);
    const type = g.name();
    const fileName = g.OPTION(() => g.CONSUME(literal.fileName).image.slice(1, -1));
    g.CONSUME(sign.semicolon);
    const rule = {
      kind: 'typeRule',
      rule: 'type_transition',
      source,
      target,
      classes,
      type,
      ...g.span(start),
    } as const;
    return fileName === undefined ? rule : { ...rule, fileName };
  });

  const relatedKind = g.RULE(
    'relatedKind',
    (): TypeRuleKind =>
      g.OR<TypeRuleKind>(
        (['type_change', 'type_member'] as const).map((word) => ({
          ALT: () => {
            g.CONSUME(keyword[word]);
            return word;
          },
        })),
      ),
  );

  const related = g.RULE('related', (): TypeRule => {
    const start = g.here();
    const rule = g.SUBRULE(relatedKind);
    const source = g.SUBRULE(set);
    const target = g.SUBRULE1(set);
    g.CONSUME(sign.colon);
    const classes = g.SUBRULE2(set);
    const type = g.name();
    g.CONSUME(sign.semicolon);
    return { kind: 'typeRule', rule, source, target, classes, type, ...g.span(start) };
  });

  const rangeTransition = g.RULE('rangeTransition', (): RangeTransition => {
    const start = g.here();
    g.CONSUME(keyword.range_transition);
    const source = g.SUBRULE(set);
    const target = g.SUBRULE1(set);
    const classes = g.OPTION(() => {
      g.CONSUME(sign.colon);
      return g.SUBRULE2(set);
    });
    const to = g.SUBRULE(range);
    g.CONSUME(sign.semicolon);
    const rule = { kind: 'range_transition', source, target, range: to, ...g.span(start) } as const;
    return classes === undefined ? rule : { ...rule, classes };
  });

  return { allow, allowInside, audit, neverallow, typeTransition, related, rangeTransition };
}
