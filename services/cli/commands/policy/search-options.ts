import { InvalidArgumentError, Option } from 'commander';
import type { Criteria, NamePattern, TypePattern } from '../../../../policy/search/criteria.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';

type Kind = Criteria['kinds'] extends ReadonlySet<infer K> ? K : never;

/** The options that ask for a kind of rule: sesearch's, and the rule's own name where that is another. */
const kindOptions: readonly {
  readonly flags: string;
  readonly kind: Kind;
  readonly also?: Kind;
  readonly hidden?: true;
}[] = [
  { flags: '-A', kind: 'allow', also: 'allowxperm' },
  { flags: '--allow', kind: 'allow' },
  { flags: '--allowxperm', kind: 'allowxperm' },
  { flags: '--auditallow', kind: 'auditallow' },
  { flags: '--auditallowxperm', kind: 'auditallowxperm' },
  { flags: '--dontaudit', kind: 'dontaudit' },
  { flags: '--dontauditxperm', kind: 'dontauditxperm' },
  { flags: '--neverallow', kind: 'neverallow' },
  { flags: '-T, --type_trans', kind: 'type_transition' },
  { flags: '--type_transition', kind: 'type_transition', hidden: true },
  { flags: '--type_change', kind: 'type_change' },
  { flags: '--type_member', kind: 'type_member' },
  { flags: '--role_allow', kind: 'role_allow' },
  { flags: '--role_trans', kind: 'role_transition' },
  { flags: '--role_transition', kind: 'role_transition', hidden: true },
  { flags: '--range_trans', kind: 'range_transition' },
  { flags: '--range_transition', kind: 'range_transition', hidden: true },
];

/** The name commander gives an option: its last flag. */
const nameOf = (flags: string): string => flags.replace(/^.*-/, '');

export interface SearchOptions {
  readonly source?: string;
  readonly target?: string;
  readonly class?: string;
  readonly perms?: string;
  readonly default?: string;
  readonly bool?: string;
  readonly direct?: readonly string[];
  readonly regex?: readonly string[];
  readonly exact?: readonly string[];
  readonly subset?: readonly string[];
  /** The options for kinds. */
  readonly [kind: string]: unknown;
}

/** The options of sesearch. Its `-ds` is our `-d` with the value `s`. */
export function searchOptions(): Option[] {
  const several = (flags: string, choices: string[], text: string): Option =>
    new Option(flags, text).choices(choices).argParser((value: string, before: string[] | undefined) => {
      if (!choices.includes(value)) {
        throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
      }
      return [...(before ?? []), value];
    });
  return [
    ...kindOptions.map(({ flags, kind, also, hidden }) => {
      const kinds = also === undefined ? kind : `${kind} and ${also}`;
      return new Option(flags, `${kinds.replace('_', ' ')} rules`).hideHelp(hidden === true);
    }),
    new Option('-s, --source <name>', 'source: a type or attribute, of rules on roles a role'),
    new Option('-t, --target <name>', 'target: a type or attribute, of role allow rules a role'),
    new Option('-c, --class <names>', 'classes, commas between them'),
    new Option('-p, --perms <names>', 'permissions, commas between them'),
    new Option('-D, --default <name>', 'the type or role a transition gives'),
    new Option('-b, --bool <names>', 'booleans in the condition, commas between them'),
    several(
      '-d, --direct <s|t>',
      ['s', 't'],
      'take attributes of source or target for themselves, not for their types',
    ),
    several(
      '-r, --regex <s|t|c|d|b>',
      ['s', 't', 'c', 'd', 'b'],
      'source, target, class, default or boolean is a regular expression',
    ),
    several('-e, --exact <p|b>', ['p', 'b'], 'exactly the permissions, exactly the booleans'),
    several('-S, --subset <p>', ['p'], 'all of the permissions, and maybe more'),
  ];
}

/** @throws BrokerError USAGE_INVALID without a kind of rule, or for an empty list. */
export function criteriaOf(options: SearchOptions): Criteria {
  const asked = kindOptions.filter(({ flags }) => options[nameOf(flags)] === true);
  const kinds = new Set(asked.flatMap(({ kind, also }) => (also === undefined ? [kind] : [kind, also])));
  if (kinds.size === 0) {
    throw new BrokerError('USAGE_INVALID', 'no kind of rule is asked for', {
      hint: 'add -A, -T, --role_allow or another; see --help',
    });
  }
  const has = (from: readonly string[] | undefined, letter: string): boolean => from?.includes(letter) === true;
  const regex = (letter: string): boolean => has(options.regex, letter);
  const type = (text: string, letter: string): TypePattern => ({
    text,
    regex: regex(letter),
    direct: has(options.direct, letter),
  });
  const list = (text: string, letter: string): readonly string[] | NamePattern =>
    regex(letter) ? { text, regex: true } : names(text);
  return {
    kinds,
    ...(options.source === undefined ? {} : { source: type(options.source, 's') }),
    ...(options.target === undefined ? {} : { target: type(options.target, 't') }),
    ...(options.class === undefined ? {} : { classes: list(options.class, 'c') }),
    ...(options.perms === undefined ? {} : { perms: names(options.perms) }),
    permsAre: has(options.exact, 'p') ? 'exactly' : has(options.subset, 'p') ? 'all' : 'any',
    ...(options.default === undefined ? {} : { result: { text: options.default, regex: regex('d') } }),
    ...(options.bool === undefined ? {} : { booleans: list(options.bool, 'b') }),
    booleansExactly: has(options.exact, 'b'),
  };
}

function names(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.includes('')) throw new BrokerError('USAGE_INVALID', `\`${text}\` has an empty name`);
  return list;
}
