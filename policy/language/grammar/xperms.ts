import type { NumberRange, XpermRule, XpermRuleKind, XpermSet } from '../ast.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';
import type { NameRules } from './names.ts';

const KINDS = ['allowxperm', 'auditallowxperm', 'dontauditxperm', 'neverallowxperm'] as const;

/** The rules about single commands of a permission: `allowxperm S T:C ioctl { 0x8900-0x8910 };`. */
export function xpermRules(g: Grammar, { set, number }: NameRules) {
  const members: Rule<void, [NumberRange[]]> = g.RULE('xpermMembers', (out: NumberRange[] = []) => {
    g.CONSUME(sign.braceOpen);
    g.AT_LEAST_ONE(() => {
      g.OR([
        {
          ALT: () => {
            const low = g.SUBRULE(number);
            const high = g.OPTION(() => {
              g.CONSUME(sign.minus);
              return g.SUBRULE1(number);
            });
            out.push({ low, high: high ?? low });
          },
        },
        { ALT: () => g.SUBRULE(members, { ARGS: [out] }) },
      ]);
    });
    g.CONSUME(sign.braceClose);
  });

  const xperms = g.RULE('xperms', (): XpermSet => {
    const ranges: NumberRange[] = [];
    const complement = g.OPTION(() => g.CONSUME(sign.tilde)) !== undefined;
    g.OR([
      {
        ALT: () => {
          const low = g.SUBRULE(number);
          ranges.push({ low, high: low });
        },
      },
      { ALT: () => g.SUBRULE(members, { ARGS: [ranges] }) },
    ]);
    return { form: complement ? 'complement' : 'list', ranges };
  });

  const kind = g.RULE(
    'xpermKind',
    (): XpermRuleKind =>
      g.OR<XpermRuleKind>(
        KINDS.map((word) => ({
          ALT: () => {
            g.CONSUME(keyword[word]);
            return word;
          },
        })),
      ),
  );

  const xpermRule = g.RULE('xpermRule', (): XpermRule => {
    const start = g.here();
    const rule = g.SUBRULE(kind);
    const source = g.SUBRULE(set);
    const target = g.SUBRULE1(set);
    g.CONSUME(sign.colon);
    const classes = g.SUBRULE2(set);
    const operation = g.name();
    const commands = g.SUBRULE(xperms);
    g.CONSUME(sign.semicolon);
    return { kind: 'xpermRule', rule, source, target, classes, operation, xperms: commands, ...g.span(start) };
  });

  return { xpermRule };
}
