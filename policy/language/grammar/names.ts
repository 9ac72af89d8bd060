import type { ContextName, LevelName, NameSet, RangeName } from '../ast.ts';
import { keyword, literal, sign } from '../tokens.ts';
import type { Grammar, Rule } from './base.ts';

/** What the statement families share: sets, lists, levels, ranges, contexts and numbers. */
export interface NameRules {
  readonly set: Rule<NameSet>;
  readonly pushedSet: Rule<NameSet>;
  readonly commaList: Rule<string[]>;
  readonly bracedList: Rule<string[]>;
  readonly aliases: Rule<string[]>;
  readonly level: Rule<LevelName>;
  readonly range: Rule<RangeName>;
  readonly context: Rule<ContextName>;
  readonly number: Rule<number>;
}

const NONE: string[] = [];
const singlesMax = 65_536;

/** Rules `names`, `names_push`, `identifier_list`, `id_comma_list`, `mls_*_def` and `security_context_def` of checkpolicy. */
export function nameRules(g: Grammar): NameRules {
  // Sets are most of a policy. Their alternatives are made once, so what is being read stands here and not in closures.
  let names: string[] = [];
  let except: string[] = NONE;
  /** Most sets are one name, and the same few thousand names: these sets are shared. */
  const singles = new Map<string, NameSet>();
  const singleSet = (name: string): NameSet => {
    const known = singles.get(name);
    if (known !== undefined) return known;
    if (singles.size >= singlesMax) singles.clear();
    const made: NameSet = { form: 'list', names, except };
    singles.set(name, made);
    return made;
  };
  const takeName = (): void => void names.push(g.name());
  const takeExcept = (): void => {
    g.CONSUME(sign.minus);
    const name = g.name(1);
    if (except === NONE) except = [];
    except.push(name);
  };
  const element = [{ ALT: takeName }, { ALT: takeExcept }, { ALT: (): void => g.SUBRULE(members) }];
  const takeElement = (): void => g.OR(element);
  const members: Rule<void> = g.RULE('members', () => {
    g.CONSUME(sign.braceOpen);
    g.AT_LEAST_ONE(takeElement);
    g.CONSUME(sign.braceClose);
  });

  const complemented = [{ ALT: (): void => void names.push(g.name(2)) }, { ALT: (): void => g.SUBRULE1(members) }];
  const forms: { ALT: () => NameSet['form'] }[] = [
    {
      ALT: () => {
        takeName();
        g.OPTION(takeExcept);
        return 'list';
      },
    },
    {
      ALT: () => {
        g.SUBRULE(members);
        return 'list';
      },
    },
    {
      ALT: () => {
        g.CONSUME(sign.star);
        return 'all';
      },
    },
    {
      ALT: () => {
        g.CONSUME(sign.tilde);
        g.OR1(complemented);
        return 'complement';
      },
    },
  ];
  const set = g.RULE('set', (): NameSet => {
    names = [];
    except = NONE;
    const form = g.OR(forms);
    const single = form === 'list' && except === NONE && names.length === 1 ? names[0] : undefined;
    return single === undefined ? { form, names, except } : singleSet(single);
  });

  const bracedList = g.RULE('bracedList', (): string[] => {
    const names: string[] = [];
    g.CONSUME(sign.braceOpen);
    g.AT_LEAST_ONE(() => void names.push(g.name()));
    g.CONSUME(sign.braceClose);
    return names;
  });

  const pushedSet = g.RULE(
    'pushedSet',
    (): NameSet =>
      g.OR<NameSet>([
        {
          ALT: () => {
            g.CONSUME(sign.star);
            return { form: 'all', names: [], except: [] };
          },
        },
        {
          ALT: () => {
            const complement = g.OPTION(() => g.CONSUME(sign.tilde)) !== undefined;
            const names = g.OR1([{ ALT: () => [g.name()] }, { ALT: () => g.SUBRULE(bracedList) }]);
            return { form: complement ? 'complement' : 'list', names, except: [] };
          },
        },
      ]),
  );

  const commaList = g.RULE('commaList', (): string[] => {
    const names: string[] = [];
    g.AT_LEAST_ONE_SEP({ SEP: sign.comma, DEF: () => void names.push(g.name()) });
    return names;
  });

  const aliases = g.RULE('aliases', (): string[] => {
    g.CONSUME(keyword.alias);
    return g.OR([{ ALT: () => [g.name()] }, { ALT: () => g.SUBRULE(bracedList) }]);
  });

  const level = g.RULE('level', (): LevelName => {
    const sensitivity = g.name();
    const categories = g.OPTION(() => {
      g.CONSUME(sign.colon);
      return g.SUBRULE(commaList);
    });
    return { sensitivity, categories: categories ?? [] };
  });

  const range = g.RULE('range', (): RangeName => {
    const low = g.SUBRULE(level);
    const high = g.OPTION(() => {
      g.CONSUME(sign.minus);
      return g.SUBRULE1(level);
    });
    return high === undefined ? { low } : { low, high };
  });

  const context = g.RULE('context', (): ContextName => {
    const start = g.here();
    const user = g.name();
    g.CONSUME(sign.colon);
    const role = g.name(1);
    g.CONSUME1(sign.colon);
    const type = g.name(2);
    const span = g.OPTION(() => {
      g.CONSUME2(sign.colon);
      return g.SUBRULE(range);
    });
    return { ...g.span(start), user, role, type, ...(span === undefined ? {} : { range: span }) };
  });

  /** strtoul with base 0: `0x` is hexadecimal and a leading 0 octal. */
  const number = g.RULE('number', (): number => {
    const text = g.CONSUME(literal.number).image;
    if (text.startsWith('0x')) return Number.parseInt(text.slice(2), 16);
    return Number.parseInt(text, text.startsWith('0') && text !== '0' ? 8 : 10);
  });

  return { set, pushedSet, commaList, bracedList, aliases, level, range, context, number };
}
