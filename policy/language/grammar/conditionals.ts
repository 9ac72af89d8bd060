import type { Conditional, ConditionalRule, Require } from '../ast.ts';
import type { BooleanTerm } from '../ast-expressions.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';
import type { ruleRules } from './rules.ts';

/** `if (expression) { rules } else { rules }`. From loose to tight: `||`, `^`, `&&`, `!`, `==` and `!=`. */
export function conditionalRules(g: Grammar, rules: ReturnType<typeof ruleRules>, require: Rule<Require>) {
  const operand: Rule<void, [BooleanTerm[]]> = g.RULE('boolOperand', (out: BooleanTerm[] = []) => {
    g.OR([
      {
        ALT: () => {
          const name = g.name();
          out.push({ op: 'bool', name });
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
  });

  const equality: Rule<void, [BooleanTerm[]]> = g.RULE('boolEquality', (out: BooleanTerm[] = []) => {
    g.SUBRULE(operand, { ARGS: [out] });
    g.MANY(() => {
      const op = g.OR<'eq' | 'ne'>([
        {
          ALT: () => {
            g.CONSUME(sign.equals);
            return 'eq';
          },
        },
        {
          ALT: () => {
            g.CONSUME(sign.notEquals);
            return 'ne';
          },
        },
      ]);
      g.OR1([{ ALT: () => g.SUBRULE1(operand, { ARGS: [out] }) }, { ALT: () => g.SUBRULE(negated, { ARGS: [out] }) }]);
      out.push({ op });
    });
  });

  const negated: Rule<void, [BooleanTerm[]]> = g.RULE('boolNegated', (out: BooleanTerm[] = []) => {
    let count = 0;
    g.AT_LEAST_ONE(() => {
      g.CONSUME(sign.not);
      count++;
    });
    g.SUBRULE(equality, { ARGS: [out] });
    for (; count > 0; count--) out.push({ op: 'not' });
  });

  const negation = g.RULE('boolNegation', (out: BooleanTerm[] = []) => {
    g.OR([{ ALT: () => g.SUBRULE(negated, { ARGS: [out] }) }, { ALT: () => g.SUBRULE(equality, { ARGS: [out] }) }]);
  });

  const both = g.RULE('boolBoth', (out: BooleanTerm[] = []) => {
    g.SUBRULE(negation, { ARGS: [out] });
    g.MANY(() => {
      g.CONSUME(sign.and);
      g.SUBRULE1(negation, { ARGS: [out] });
      out.push({ op: 'and' });
    });
  });

  const exclusive = g.RULE('boolExclusive', (out: BooleanTerm[] = []) => {
    g.SUBRULE(both, { ARGS: [out] });
    g.MANY(() => {
      g.CONSUME(sign.xor);
      g.SUBRULE1(both, { ARGS: [out] });
      out.push({ op: 'xor' });
    });
  });

  const either: Rule<void, [BooleanTerm[]]> = g.RULE('boolEither', (out: BooleanTerm[] = []) => {
    g.SUBRULE(exclusive, { ARGS: [out] });
    g.MANY(() => {
      g.CONSUME(sign.or);
      g.SUBRULE1(exclusive, { ARGS: [out] });
      out.push({ op: 'or' });
    });
  });

  const branch = g.RULE('branch', (): ConditionalRule[] => {
    const found: ConditionalRule[] = [];
    g.CONSUME(sign.braceOpen);
    g.MANY(() => {
      if (g.takeRules(found)) return;
      const rule = g.OR<ConditionalRule>([
        { ALT: () => g.SUBRULE(rules.allowInside) },
        { ALT: () => g.SUBRULE(rules.audit) },
        { ALT: () => g.SUBRULE(rules.typeTransition) },
        { ALT: () => g.SUBRULE(rules.related) },
        { ALT: () => g.SUBRULE(require) },
      ]);
      found.push(rule);
    });
    g.CONSUME(sign.braceClose);
    return found;
  });

  const conditional = g.RULE('conditional', (): Conditional => {
    const start = g.here();
    const condition: BooleanTerm[] = [];
    g.CONSUME(keyword.if);
    g.SUBRULE(either, { ARGS: [condition] });
    const then = g.SUBRULE(branch);
    const otherwise = g.OPTION(() => {
      g.CONSUME(keyword.else);
      return g.SUBRULE1(branch);
    });
    return { kind: 'if', condition, then, else: otherwise ?? [], ...g.span(start) };
  });

  return { conditional };
}
