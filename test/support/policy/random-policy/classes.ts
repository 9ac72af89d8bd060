import { braces } from './sets.ts';
import { COMMON, INHERITING, OWN, type Vocabulary } from './vocabulary.ts';

export function declareClasses({ classes, perms }: Vocabulary): string[] {
  return [
    ...classes.map((name) => `class ${name}`),
    'sid kernel',
    'sid unlabeled',
    `common file_like { ${COMMON.join(' ')} }`,
    ...classes.map((name) => {
      const own = OWN.get(name) ?? perms.get(name) ?? [];
      return `class ${name} ${INHERITING.includes(name) ? 'inherits file_like ' : ''}{ ${own.join(' ')} }`;
    }),
  ];
}

const RANGES = [
  'source low',
  'source high',
  'source low-high',
  'target low',
  'target high',
  'target low-high',
  'glblub',
];

/** Where new contexts come from; a default that is given twice the same is taken. */
export function declareDefaults({ random, classes, mls }: Vocabulary): string[] {
  const lines: string[] = [];
  for (const name of classes) {
    for (const part of ['user', 'role', 'type']) {
      if (random.chance(25)) lines.push(`default_${part} ${name} ${random.pick(['source', 'target'])};`);
    }
    if (random.chance(mls ? 40 : 10)) lines.push(`default_range { ${name} } ${random.pick(RANGES)};`);
  }
  const [first] = lines;
  if (first !== undefined && random.chance(20)) lines.push(first);
  if (random.chance(3)) lines.push(`default_user ${braces(classes)} source;`);
  return lines;
}
