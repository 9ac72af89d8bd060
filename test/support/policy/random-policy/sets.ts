import { INHERITING, type Vocabulary } from './vocabulary.ts';

/** Between `least` and `least + more` statements. */
export function times(words: Vocabulary, least: number, more: number, make: (words: Vocabulary) => string): string[] {
  return Array.from({ length: least + words.random.below(more + 1) }, () => make(words));
}

export function braces(names: readonly string[]): string {
  return names.length === 1 && names[0] !== undefined ? names[0] : `{ ${names.join(' ')} }`;
}

/** A set of types: a name, a list, an attribute without some, a list within a list. */
export function typeSet({ random, types, attributes }: Vocabulary): string {
  const all = [...types, ...attributes];
  const kind = random.below(12);
  if (kind < 4) return random.pick(all);
  if (kind < 7) return `{ ${random.some(all, 1, 3).join(' ')} }`;
  if (kind < 9) return `{ ${random.some(attributes, 1, 2).join(' ')} -${random.pick(all)} }`;
  if (kind < 10) return `{ ${random.pick(attributes)} -${random.pick(types)} -${random.pick(attributes)} }`;
  if (kind < 11) return `${random.pick(attributes)} -${random.pick(types)}`;
  return `{ ${random.pick(attributes)} { ${random.pick(all)} ${random.pick(types)} } }`;
}

/** What may stand where the target of a rule stands: `self` too. */
export function targetSet(words: Vocabulary): string {
  const { random, types, attributes } = words;
  const kind = random.below(20);
  if (kind < 3) return 'self';
  if (kind < 4) return `{ self ${random.pick(types)} }`;
  if (kind < 5) return `{ self ${random.pick(attributes)} -${random.pick(types)} }`;
  return typeSet(words);
}

/** A class, or classes of one common, with permissions they all have. */
export function classesAndPerms({ random, classes, perms }: Vocabulary): string {
  if (random.chance(20)) {
    return `${braces(INHERITING)} ${random.pick(['*', '{ read write }', '~{ read getattr }', 'getattr', '~write'])}`;
  }
  const name = random.pick(classes);
  const chosen = random.some(perms.get(name) ?? [], 1, perms.get(name)?.length ?? 1);
  return `${name} ${random.chance(10) ? '*' : random.chance(10) ? `~${braces(chosen)}` : braces(chosen)}`;
}
