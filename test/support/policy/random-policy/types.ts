import { typeSet } from './sets.ts';
import { BOUNDED, type Vocabulary } from './vocabulary.ts';

/** Attributes, types with aliases, booleans and tunables. */
export function declareTypes({ random, attributes, types, booleans, tunables }: Vocabulary): string[] {
  const value = (): string => random.pick(['true', 'false']);
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
    ...(random.chance(10) ? [`expandattribute ${random.pick(attributes)} ${value()};`] : []),
    ...booleans.map((name) => `bool ${name} ${value()};`),
    ...tunables.map((name) => `tunable ${name} ${value()};`),
  ];
}

/** Children may do part of what their parents may; more would be refused. */
export function declareBounds({ random, types }: Vocabulary): string[] {
  const target = random.pick(types);
  const child = random.pick(['child_t', 'parent_t.dotted']);
  return [
    ...(random.chance(70) ? ['typebounds parent_t child_t;'] : []),
    `allow parent_t { ${target} parent_t }:process { signal transition dyntransition };`,
    `allow ${child} { ${target} ${child} }:process { signal transition };`,
    `allow parent_t ${target}:vm { start stop };`,
    `allow ${child} ${target}:vm { start stop };`,
    ...(random.chance(20)
      ? [`allow ${child} ${target}:file read;`, `allow parent_t ${target}:file { read write };`]
      : []),
    ...(random.chance(5) ? [`allow ${child} ${target}:file execute;`] : []),
  ];
}

/** Mostly about permissions that few rules give, so that most policies pass. */
export function neverallow(words: Vocabulary): string {
  const { random, types } = words;
  const source = random.pick(['*', typeSet(words), `~{ ${random.some(types, 2, 5).join(' ')} }`]);
  const target = random.pick(['self', random.pick(types), typeSet(words)]);
  return `neverallow ${source} ${target}:${random.pick(['wide p31', 'vm migrate_in', 'file entrypoint'])};`;
}
