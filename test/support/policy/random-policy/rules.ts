import { randomRange } from './levels.ts';
import { braces, classesAndPerms, targetSet, times, typeSet } from './sets.ts';
import type { Vocabulary } from './vocabulary.ts';

export function accessRule(words: Vocabulary): string {
  const rule = words.random.chance(85) ? 'allow' : words.random.pick(['dontaudit', 'auditallow', 'auditdeny']);
  return `${rule} ${typeSet(words)} ${targetSet(words)}:${classesAndPerms(words)};`;
}

/** Mostly between two types, since two rules for one pair are refused. */
export function typeRule(words: Vocabulary): string {
  const { random, types, classes } = words;
  const rule = random.pick(['type_transition', 'type_change', 'type_member']);
  const source = random.chance(85) ? random.pick(types) : typeSet(words);
  const target = random.chance(90) ? random.pick(types) : targetSet(words);
  return `${rule} ${source} ${target}:${braces(random.some(classes, 1, 2))} ${random.pick(types)};`;
}

/** Named transitions and rules on single commands: no answer of the oracle's depends on them, but that they are taken. */
export function otherRule(words: Vocabulary): string {
  const { random, types } = words;
  if (random.chance(50)) {
    return `type_transition ${random.pick(types)} ${random.pick(types)}:file ${random.pick(types)} "name${random.below(50)}";`;
  }
  const rule = random.pick(['allowxperm', 'auditallowxperm', 'dontauditxperm']);
  return `${rule} ${typeSet(words)} ${targetSet(words)}:file ioctl ${random.pick(['0x10', '{ 0x10-0x20 0x30 }', '~{ 1-9 }'])};`;
}

function booleanExpression(words: Vocabulary, names: readonly string[], depth = 0): string {
  const { random } = words;
  const kind = random.below(depth > 2 ? 4 : 10);
  if (kind < 4) return random.pick(names);
  const again = (): string => booleanExpression(words, names, depth + 1);
  if (kind < 6) return `! ${again()}`;
  if (kind < 7) return `( ${again()} )`;
  return `${again()} ${random.pick(['&&', '||', '^', '==', '!=', 'and', 'or', 'xor', 'eq'])} ${again()}`;
}

export function conditional(words: Vocabulary): string {
  const { random, booleans, tunables } = words;
  const rules = (): string =>
    times(words, 0, 3, (one) => (random.chance(85) ? accessRule(one) : typeRule(one))).join(' ');
  const otherwise = random.chance(50) ? ` else { ${rules()} }` : '';
  const names = tunables.length > 0 && random.chance(20) ? tunables : booleans;
  return `if (${booleanExpression(words, names)}) { ${rules()} }${otherwise}`;
}

/** A block that holds when what it requires is there. It may declare, and be in another. */
export function optional(words: Vocabulary, depth = 0): string {
  const { random, types, attributes } = words;
  const needs = [
    `type ${random.some(types, 1, 3).join(', ')};`,
    ...(random.chance(40) ? [`attribute ${random.pick(attributes)};`] : []),
    ...(random.chance(30) ? ['type nowhere_t;'] : []),
    ...(random.chance(20) ? ['class file { read write };'] : []),
  ];
  const known = /type ([^;]+);/.exec(needs[0] ?? '')?.[1]?.split(', ') ?? types;
  const rules = (): string =>
    times(words, 1, 2, () => `allow ${random.pick(known)} ${random.pick(known)}:file { read write };`).join(' ');
  const inner = depth < 2 && random.chance(30) ? ` ${optional(words, depth + 1)}` : '';
  const otherwise = random.chance(30) ? ` else { ${rules()} }` : '';
  return `optional { require { ${needs.join(' ')} class file { read write }; } ${rules()}${inner} }${otherwise}`;
}

export function rangeTransition(words: Vocabulary): string {
  const { random, types, classes } = words;
  const tclass = random.chance(80) ? `:${braces(random.some(classes, 1, 2))}` : '';
  return `range_transition ${random.pick(types)} ${typeSet(words)}${tclass} ${randomRange(random, words, ' - ')};`;
}
