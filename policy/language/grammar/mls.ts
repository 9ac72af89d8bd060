import type { Category, Dominance, Level, Sensitivity } from '../ast.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar } from './base.ts';
import type { NameRules } from './names.ts';

/** `sensitivity`, `dominance`, `category` and `level`. */
export function mlsRules(g: Grammar, { bracedList, aliases, level }: NameRules) {
  const sensitivity = g.RULE('sensitivity', (): Sensitivity => {
    const start = g.here();
    g.CONSUME(keyword.sensitivity);
    const name = g.name();
    const others = g.OPTION(() => g.SUBRULE(aliases)) ?? [];
    g.CONSUME(sign.semicolon);
    return { kind: 'sensitivity', name, aliases: others, ...g.span(start) };
  });

  const dominance = g.RULE('dominance', (): Dominance => {
    const start = g.here();
    g.CONSUME(keyword.dominance);
    const names = g.OR([{ ALT: () => [g.name()] }, { ALT: () => g.SUBRULE(bracedList) }]);
    return { kind: 'dominance', names, ...g.span(start) };
  });

  const category = g.RULE('category', (): Category => {
    const start = g.here();
    g.CONSUME(keyword.category);
    const name = g.name();
    const others = g.OPTION(() => g.SUBRULE(aliases)) ?? [];
    g.CONSUME(sign.semicolon);
    return { kind: 'category', name, aliases: others, ...g.span(start) };
  });

  const levelDefinition = g.RULE('levelDefinition', (): Level => {
    const start = g.here();
    g.CONSUME(keyword.level);
    const of = g.SUBRULE(level);
    g.CONSUME(sign.semicolon);
    return { kind: 'level', level: of, ...g.span(start) };
  });

  return { sensitivity, dominance, category, levelDefinition };
}
