import { createRandom, type Random } from './random.ts';

/** A random policy, with what a random question needs to know of it. */
export interface RandomPolicy {
  readonly text: string;
  readonly mls: boolean;
  readonly classes: readonly string[];
  readonly types: readonly string[];
  readonly roles: readonly string[];
  readonly users: readonly string[];
  readonly booleans: readonly string[];
  readonly sensitivities: readonly string[];
  readonly categories: readonly string[];
}

interface Made extends RandomPolicy {
  readonly random: Random;
  readonly attributes: readonly string[];
  readonly perms: ReadonlyMap<string, readonly string[]>;
}

const COMMON = ['read', 'write', 'getattr', 'relabel'];
const OWN = new Map([
  ['process', ['transition', 'dyntransition', 'signal']],
  ['file', ['execute', 'entrypoint']],
  ['tcp_socket', ['bind', 'listen']],
  ['vm', ['start', 'stop', 'entrypoint', 'migrate_in']],
]);
/** Types that random sets leave out, so that the one stays within the other. */
const BOUNDED = ['parent_t', 'child_t'];
const INHERITING = ['file', 'tcp_socket'];

/**
 * A policy that checkpolicy takes most of the time, of every statement that can change an answer: attributes,
 * subtracted sets, self, booleans, constraints of all forms, defaults, role and range transitions, bounds, MLS.
 */
export function randomPolicy(seed: number): RandomPolicy {
  const random = createRandom(seed);
  const mls = random.chance(75);
  const count = (name: string, n: number): string[] => Array.from({ length: n }, (_, index) => `${name}${index}`);
  const perms = new Map([...OWN].map(([name, own]) => [name, INHERITING.includes(name) ? [...COMMON, ...own] : own]));
  const made: Made = {
    random,
    text: '',
    mls,
    classes: [...OWN.keys()],
    types: count('type_', 4 + random.below(8)).map((name) => `${name}t`),
    attributes: count('attr', 1 + random.below(4)),
    roles: count('role_', 2 + random.below(3)).map((name) => `${name}r`),
    users: count('user_', 2 + random.below(2)).map((name) => `${name}u`),
    booleans: count('bool', 1 + random.below(3)),
    sensitivities: mls ? count('s', 1 + random.below(3)) : [],
    categories: mls ? count('c', 1 + random.below(5)) : [],
    perms,
  };
  const text = [
    ...declareClasses(made),
    ...declareDefaults(made),
    ...(mls ? declareMls(made) : []),
    ...declareTypes(made),
    ...times(made, 25, 25, accessRule),
    ...times(made, 3, 10, typeRule),
    ...times(made, 0, 5, conditional),
    ...declareRoles(made),
    ...(mls ? times(made, 0, 4, rangeTransition) : []),
    ...declareBounds(made),
    ...made.users.map(
      (user, index) =>
        `user ${user} roles ${index === 0 ? braces(made.roles) : braces(random.some(made.roles, 1, 3))}${clearance(made)};`,
    ),
    ...times(made, 0, 4, (one) => constraint(one, 'constrain')),
    ...times(made, 0, 3, (one) => validation(one, 'validatetrans')),
    `sid kernel ${made.users[0]}:${made.roles[0]}:${made.types[0]}${mls ? ':s0' : ''}`,
    `sid unlabeled ${made.users[0]}:object_r:${made.types[1]}${mls ? ':s0' : ''}`,
  ].join('\n');
  return { ...made, types: [...made.types, ...BOUNDED, 'again_t'], text: `${text}\n` };
}

function times(made: Made, least: number, more: number, make: (made: Made) => string): string[] {
  return Array.from({ length: least + made.random.below(more + 1) }, () => make(made));
}

function braces(names: readonly string[]): string {
  return names.length === 1 && names[0] !== undefined ? names[0] : `{ ${names.join(' ')} }`;
}

function declareClasses(made: Made): string[] {
  return [
    ...made.classes.map((name) => `class ${name}`),
    'sid kernel',
    'sid unlabeled',
    `common file_like { ${COMMON.join(' ')} }`,
    ...[...OWN].map(
      ([name, own]) => `class ${name} ${INHERITING.includes(name) ? 'inherits file_like ' : ''}{ ${own.join(' ')} }`,
    ),
  ];
}

function declareDefaults({ random, classes, mls }: Made): string[] {
  const lines: string[] = [];
  for (const name of classes) {
    for (const part of ['user', 'role', 'type']) {
      if (random.chance(25)) lines.push(`default_${part} ${name} ${random.pick(['source', 'target'])};`);
    }
    const ranges = [
      'source low',
      'source high',
      'source low-high',
      'target low',
      'target high',
      'target low-high',
      'glblub',
    ];
    if (random.chance(mls ? 40 : 10)) lines.push(`default_range { ${name} } ${random.pick(ranges)};`);
  }
  return lines;
}

function declareMls(made: Made): string[] {
  const { random, sensitivities, categories } = made;
  return [
    ...(random.chance(50) ? sensitivities : [...sensitivities].reverse()).map(
      (name) => `sensitivity ${name}${name === 's1' ? ' alias secret' : ''};`,
    ),
    `dominance { ${sensitivities.join(' ')} }`,
    ...categories.map((name, index) => `category ${name}${index === 0 ? ' alias { first }' : ''};`),
    ...sensitivities.map(
      (name) => `level ${name}${random.chance(92) ? `:${categories[0]}.${categories.at(-1)}` : ''};`,
    ),
    constraint(made, 'mlsconstrain'),
    ...times(made, 0, 3, (one) => constraint(one, 'mlsconstrain')),
    ...times(made, 0, 2, (one) => validation(one, 'mlsvalidatetrans')),
  ];
}

function declareTypes({ random, attributes, types, booleans }: Made): string[] {
  return [
    ...attributes.map((name) => `attribute ${name};`),
    ...types.map((name, index) => {
      const alias = index % 3 === 0 ? ` alias also_${name}` : '';
      const has = random.some(attributes, 0, 2);
      return `type ${name}${alias}${has.length > 0 ? `, ${has.join(', ')}` : ''};`;
    }),
    `typealias ${types[0]} alias { again_t more_t };`,
    ...BOUNDED.map((name) => `type ${name};`),
    `typeattribute ${types[1]} ${attributes.join(', ')};`,
    ...(random.chance(30) ? [`permissive ${types[2]};`] : []),
    ...booleans.map((name) => `bool ${name} ${random.pick(['true', 'false'])};`),
  ];
}

function typeSet({ random, types, attributes }: Made): string {
  const all = [...types, ...attributes];
  const kind = random.below(10);
  if (kind < 4) return random.pick(all);
  if (kind < 7) return `{ ${random.some(all, 1, 3).join(' ')} }`;
  if (kind < 9) return `{ ${random.some(attributes, 1, 2).join(' ')} -${random.pick(all)} }`;
  return `{ ${random.pick(attributes)} { ${random.pick(all)} ${random.pick(types)} } }`;
}

function targetSet(made: Made): string {
  if (made.random.chance(15)) return 'self';
  return made.random.chance(10) ? `{ self ${made.random.pick(made.types)} }` : typeSet(made);
}

function classesAndPerms({ random, classes, perms }: Made): string {
  if (random.chance(20)) {
    const few = random.some(INHERITING, 2, 2);
    return `{ ${few.join(' ')} } ${random.pick(['*', '{ read write }', '~{ read getattr }', 'getattr'])}`;
  }
  const name = random.pick(classes);
  const own = perms.get(name) ?? [];
  const chosen = random.some(own, 1, own.length);
  return `${name} ${random.chance(10) ? '*' : random.chance(10) ? `~{ ${chosen.join(' ')} }` : `{ ${chosen.join(' ')} }`}`;
}

function accessRule(made: Made): string {
  const rule = made.random.chance(85) ? 'allow' : made.random.pick(['dontaudit', 'auditallow']);
  return `${rule} ${typeSet(made)} ${targetSet(made)}:${classesAndPerms(made)};`;
}

function typeRule(made: Made): string {
  const { random, types, classes } = made;
  const rule = random.pick(['type_transition', 'type_change', 'type_member']);
  const source = random.chance(85) ? random.pick(types) : typeSet(made);
  const target = random.chance(90) ? random.pick(types) : targetSet(made);
  return `${rule} ${source} ${target}:${braces(random.some(classes, 1, 2))} ${random.pick(types)};`;
}

function booleanExpression({ random, booleans }: Made, depth = 0): string {
  const kind = random.below(depth > 2 ? 4 : 10);
  if (kind < 4) return random.pick(booleans);
  const again = (): string => booleanExpression({ random, booleans } as Made, depth + 1);
  if (kind < 6) return `! ${again()}`;
  if (kind < 7) return `( ${again()} )`;
  return `${again()} ${random.pick(['&&', '||', '^', '==', '!='])} ${again()}`;
}

function conditional(made: Made): string {
  const rules = (): string =>
    times(made, 0, 3, (one) => (one.random.chance(85) ? accessRule(one) : typeRule(one))).join(' ');
  const otherwise = made.random.chance(50) ? ` else { ${rules()} }` : '';
  return `if (${booleanExpression(made)}) { ${rules()} }${otherwise}`;
}

function declareRoles(made: Made): string[] {
  const { random, roles, types, attributes, classes } = made;
  const pick = (): string => random.pick(roles);
  return [
    'attribute_role role_attr;',
    ...roles.map((name) => `role ${name}${random.chance(40) ? ', role_attr' : ''};`),
    ...roles.map(
      (name) => `role ${name} types { ${random.some([...types, ...attributes, ...BOUNDED], 2, 6).join(' ')} };`,
    ),
    `role ${roles[0]} types ${braces([types[0] ?? ''])};`,
    ...(random.chance(50) ? [`role role_attr types ${typeSet(made)};`] : []),
    ...(random.chance(50) ? [`roleattribute ${pick()} role_attr;`] : []),
    ...times(
      made,
      0,
      4,
      () => `allow ${random.chance(20) ? 'role_attr' : pick()} ${braces(random.some(roles, 1, 2))};`,
    ),
    ...times(
      made,
      0,
      3,
      () =>
        `role_transition ${pick()} ${random.pick(types)}${random.chance(50) ? `:${random.pick(classes)}` : ''} ${pick()};`,
    ),
  ];
}

/** A range that is mostly in order; `apart` stands between its ends. */
export function randomRange(random: Random, policy: RandomPolicy, apart: string): string {
  const { sensitivities, categories } = policy;
  const write = (sensitivity: string, few: readonly string[]): string =>
    few.length > 0 ? `${sensitivity}:${few.join(',')}` : sensitivity;
  const few = random.some(categories, 0, 3);
  const at = random.below(sensitivities.length);
  const low = write(sensitivities[at] ?? '', few);
  if (random.chance(40)) return low;
  const above = random.chance(90) ? sensitivities.slice(at) : sensitivities;
  const more = random.chance(90)
    ? categories.filter((name) => few.includes(name) || random.chance(50))
    : random.some(categories, 0, 2);
  return `${low}${apart}${write(random.pick(above), more)}`;
}

function rangeTransition(made: Made): string {
  const { random, types, classes } = made;
  const range = randomRange(random, made, ' - ');
  return `range_transition ${random.pick(types)} ${typeSet(made)}:${random.pick(classes)} ${range};`;
}

/** The child may do part of what its parent may; more would be refused. */
function declareBounds({ random, types }: Made): string[] {
  const target = random.pick(types);
  return [
    ...(random.chance(70) ? ['typebounds parent_t child_t;'] : []),
    `allow parent_t { ${target} parent_t }:process { signal transition dyntransition };`,
    `allow child_t { ${target} child_t }:process { signal transition };`,
    `allow parent_t ${target}:vm { start stop };`,
    `allow child_t ${target}:vm { start stop };`,
    ...(random.chance(20)
      ? [`allow child_t ${target}:file read;`, `allow parent_t ${target}:file { read write };`]
      : []),
  ];
}

function clearance({ random, mls, sensitivities, categories }: Made): string {
  if (!mls) return '';
  const [lowest, highest] = [sensitivities[0] ?? '', sensitivities.at(-1) ?? ''];
  if (random.chance(60)) return ` level ${lowest} range ${lowest} - ${highest}:${categories[0]}.${categories.at(-1)}`;
  const low = random.chance(80) ? lowest : highest;
  return ` level ${low} range ${low} - ${highest}:${random.pick(categories)}`;
}

function primitive(made: Made, validates: boolean): string {
  const { random, roles, types, attributes, mls } = made;
  const same = (): string => random.pick(['==', '!=', 'eq']);
  const compare = (): string => random.pick(['==', '!=', 'dom', 'domby', 'incomp', 'eq']);
  const digit = random.pick(validates ? ['1', '2', '3'] : ['1', '2']);
  const choices = [
    () => `u1 ${same()} u2`,
    () => `r1 ${compare()} r2`,
    () => `t1 ${same()} t2`,
    () => `t${digit} ${same()} ${braces(random.some([...types, ...attributes, ...BOUNDED], 1, 3))}`,
    () => `r${digit} ${same()} ${braces(random.some([...roles, 'object_r', 'role_attr'], 1, 2))}`,
    ...(mls
      ? [
          () => `l1 ${compare()} l2`,
          () => `l1 ${compare()} h2`,
          () => `h1 ${compare()} l2`,
          () => `h1 ${compare()} h2`,
          () => `l1 ${compare()} h1`,
          () => `l2 ${compare()} h2`,
        ]
      : []),
  ];
  return random.pick(choices)();
}

function constraintExpression(made: Made, validates: boolean, depth = 0): string {
  const { random } = made;
  const kind = random.below(depth > 1 ? 4 : 10);
  if (kind < 4) return primitive(made, validates);
  if (kind < 6) return `not ${constraintExpression(made, validates, depth + 1)}`;
  if (kind < 7) return `( ${constraintExpression(made, validates, depth + 1)} )`;
  const sides = [constraintExpression(made, validates, depth + 1), constraintExpression(made, validates, depth + 1)];
  return sides.join(` ${random.pick(['and', 'or', '&&', '||'])} `);
}

function constraint(made: Made, keyword: string): string {
  return `${keyword} ${classesAndPerms(made)} ( ${constraintExpression(made, false)} );`;
}

function validation(made: Made, keyword: string): string {
  return `${keyword} ${braces(made.random.some(made.classes, 1, 3))} ( ${constraintExpression(made, true)} );`;
}
