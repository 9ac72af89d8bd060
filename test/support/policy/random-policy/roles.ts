import { clearance } from './levels.ts';
import { braces, times, typeSet } from './sets.ts';
import { BOUNDED, type Vocabulary } from './vocabulary.ts';

export function declareRoles(words: Vocabulary): string[] {
  const { random, roles, roleAttributes, types, attributes, classes } = words;
  const pick = (): string => random.pick(roles);
  const either = (): string => random.pick([...roles, ...roleAttributes]);
  const allow = (): string => `allow ${random.chance(20) ? either() : pick()} ${braces(random.some(roles, 1, 2))};`;
  const transition = (): string => {
    const on = random.chance(70) ? random.pick(types) : braces(random.some([...types, ...attributes], 1, 2));
    return `role_transition ${either()} ${on}${random.chance(50) ? `:${random.pick(classes)}` : ''} ${pick()};`;
  };
  return [
    ...roleAttributes.map((name) => `attribute_role ${name};`),
    ...roles.map((name) => `role ${name}${random.chance(40) ? `, ${random.pick(roleAttributes)}` : ''};`),
    ...roles.map(
      (name) => `role ${name} types { ${random.some([...types, ...attributes, ...BOUNDED], 2, 6).join(' ')} };`,
    ),
    `role ${roles[0]} types ${braces([types[0] ?? ''])};`,
    ...(random.chance(50) ? [`role ${random.pick(roleAttributes)} types ${typeSet(words)};`] : []),
    ...(random.chance(50) ? [`roleattribute ${pick()} ${random.pick(roleAttributes)};`] : []),
    ...times(words, 0, 4, allow),
    ...times(words, 0, 3, transition),
  ];
}

/** The first user has every role. A user that is named twice has what both statements give. */
export function declareUsers(words: Vocabulary): string[] {
  const { random, users, roles, roleAttributes } = words;
  const user = (name: string, has: readonly string[]): string =>
    `user ${name} roles ${braces(has)}${clearance(words)};`;
  return [
    ...users.map((name, index) => user(name, index === 0 ? roles : random.some([...roles, ...roleAttributes], 1, 3))),
    ...(random.chance(15) ? [user(random.pick(users), random.some(roles, 1, 2))] : []),
  ];
}
