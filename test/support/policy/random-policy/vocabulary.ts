import type { Random } from '../random.ts';

/** The names a random policy is made of. */
export interface Vocabulary {
  readonly random: Random;
  readonly mls: boolean;
  readonly classes: readonly string[];
  readonly perms: ReadonlyMap<string, readonly string[]>;
  readonly types: readonly string[];
  readonly attributes: readonly string[];
  readonly roles: readonly string[];
  readonly roleAttributes: readonly string[];
  readonly users: readonly string[];
  readonly booleans: readonly string[];
  readonly tunables: readonly string[];
  readonly sensitivities: readonly string[];
  readonly categories: readonly string[];
}

/** What the common gives to every class of `INHERITING`. */
export const COMMON = ['ioctl', 'read', 'write', 'getattr', 'relabel'];
export const INHERITING = ['file', 'tcp_socket'];
/** What classes have of their own. `wide` has as many permissions as a class can. */
export const OWN: ReadonlyMap<string, readonly string[]> = new Map([
  ['process', ['transition', 'dyntransition', 'signal']],
  ['file', ['execute', 'entrypoint']],
  ['tcp_socket', ['bind', 'listen']],
  ['vm', ['start', 'stop', 'entrypoint', 'migrate_in']],
  ['wide', numbered('p', 32)],
]);
/** Types that random sets leave out, so that what bounds one of them is not broken by chance. */
export const BOUNDED = ['parent_t', 'child_t', 'parent_t.dotted'];

export function numbered(name: string, count: number, suffix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}${suffix}`);
}

/** One policy in five is large: more types and categories than fit one word of a bitmap, or two. */
export function createVocabulary(random: Random): Vocabulary {
  const mls = random.chance(75);
  const large = random.chance(20);
  const classes = random.some([...OWN.keys()], OWN.size, OWN.size);
  const turn = random.below(classes.length);
  return {
    random,
    mls,
    classes: [...classes.slice(turn), ...classes.slice(0, turn)],
    perms: new Map([...OWN].map(([name, own]) => [name, INHERITING.includes(name) ? [...COMMON, ...own] : own])),
    types: numbered('type_', large ? 30 + random.below(50) : 4 + random.below(8), 't'),
    attributes: numbered('attr', (large ? 5 : 1) + random.below(4)),
    roles: numbered('role_', 2 + random.below(large ? 6 : 3), 'r'),
    roleAttributes: numbered('role_attr', 1 + random.below(2)),
    users: numbered('user_', 2 + random.below(3), 'u'),
    booleans: numbered('bool', 1 + random.below(large ? 7 : 4)),
    tunables: numbered('tunable', random.below(3)),
    sensitivities: mls ? numbered('s', 1 + random.below(5)) : [],
    categories: mls ? numbered('c', large ? 20 + random.below(60) : 1 + random.below(6)) : [],
  };
}
