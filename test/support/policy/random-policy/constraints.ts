import { braces, classesAndPerms } from './sets.ts';
import { BOUNDED, type Vocabulary } from './vocabulary.ts';

/** Users are declared after the constraints of the MLS section, which may not name them. */
const named = (words: Vocabulary, keyword: string): Vocabulary =>
  keyword.startsWith('mls') ? { ...words, users: [] } : words;

export function constraint(words: Vocabulary, keyword: string): string {
  return `${keyword} ${classesAndPerms(words)} ( ${expression(named(words, keyword), false)} );`;
}

export function validation(words: Vocabulary, keyword: string): string {
  return `${keyword} ${braces(words.random.some(words.classes, 1, 3))} ( ${expression(named(words, keyword), true)} );`;
}

function expression(words: Vocabulary, validates: boolean, depth = 0): string {
  const { random } = words;
  const kind = random.below(depth > 1 ? 4 : 10);
  if (kind < 4) return primitive(words, validates);
  if (kind < 6) return `${random.pick(['not', '!'])} ${expression(words, validates, depth + 1)}`;
  if (kind < 7) return `( ${expression(words, validates, depth + 1)} )`;
  const sides = [expression(words, validates, depth + 1), expression(words, validates, depth + 1)];
  return sides.join(` ${random.pick(['and', 'or', '&&', '||'])} `);
}

/** One comparison: of all forms, old ones too. */
function primitive(words: Vocabulary, validates: boolean): string {
  const { random, roles, roleAttributes, types, attributes, users, mls } = words;
  const same = (): string => random.pick(['==', '!=', 'eq']);
  const compare = (): string => random.pick(['==', '!=', 'dom', 'domby', 'incomp', 'eq']);
  const digit = random.pick(validates ? ['1', '2', '3'] : ['1', '2']);
  const someTypes = (): string => braces(random.some([...types, ...attributes, ...BOUNDED], 1, 3));
  const someRoles = (): string => braces(random.some([...roles, 'object_r', ...roleAttributes], 1, 2));
  const levels = ['l1 l2', 'l1 h2', 'h1 l2', 'h1 h2', 'l1 h1', 'l2 h2'];
  const choices = [
    () => `u1 ${same()} u2`,
    () => `r1 ${compare()} r2`,
    () => `t1 ${same()} t2`,
    () => `t${digit} ${same()} ${someTypes()}`,
    () => `t${digit} ${same()} ${someTypes()}`,
    () => `r${digit} ${same()} ${someRoles()}`,
    ...(users.length > 0 ? [() => `u${digit} ${same()} ${braces(random.some(users, 1, 2))}`] : []),
    () => random.pick(['sameuser', `source type ${someTypes()}`, `target role ${someRoles()}`, `role ${compare()}`]),
    ...(mls ? levels.map((pair) => () => pair.replace(' ', ` ${compare()} `)) : []),
  ];
  return random.pick(choices)();
}
