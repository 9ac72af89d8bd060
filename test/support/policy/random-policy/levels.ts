import type { Random } from '../random.ts';
import { constraint, validation } from './constraints.ts';
import { times } from './sets.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Sensitivities, their order, categories, which go together, and the constraints that stand there. */
export function declareMls(words: Vocabulary): string[] {
  const { random, sensitivities, categories } = words;
  const all = categories.length === 1 ? categories[0] : `${categories[0]}.${categories.at(-1)}`;
  const half = categories.slice(0, Math.ceil(categories.length / 2));
  const legal = (): string => (random.chance(96) ? `:${all}` : random.chance(60) ? `:${half.join(',')}` : '');
  return [
    ...(random.chance(50) ? sensitivities : [...sensitivities].reverse()).map(
      (name) => `sensitivity ${name}${name === 's1' ? ' alias { secret hidden }' : ''};`,
    ),
    `dominance { ${sensitivities.join(' ')} }`,
    ...categories.map((name, index) => `category ${name}${index === 0 ? ' alias { first }' : ''};`),
    ...sensitivities.map((name) => `level ${name}${legal()};`),
    constraint(words, 'mlsconstrain'),
    ...times(words, 0, 4, (one) => constraint(one, 'mlsconstrain')),
    ...times(words, 0, 3, (one) => validation(one, 'mlsvalidatetrans')),
  ];
}

/** A level, categories as a list, as a run, or both. */
function level(
  { random, categories }: { random: Random; categories: readonly string[] },
  name: string,
  few: string[],
): string {
  const run = random.chance(25) && categories.length > 3 ? random.below(categories.length - 2) : -1;
  const parts =
    run < 0 ? few : [`${categories[run]}.${categories[run + 1 + random.below(categories.length - run - 1)]}`];
  return parts.length > 0 ? `${name}:${parts.join(',')}` : name;
}

/** A range that is mostly in order; `apart` stands between its ends. */
export function randomRange(
  random: Random,
  { sensitivities, categories }: { readonly sensitivities: readonly string[]; readonly categories: readonly string[] },
  apart: string,
): string {
  const few = random.some(categories, 0, 3);
  const at = random.below(sensitivities.length);
  const low = level({ random, categories }, sensitivities[at] ?? '', few);
  if (random.chance(40)) return low;
  // A policy with a range out of order is refused; a context only is not valid.
  const inOrder = apart === '-' ? 90 : 99;
  const above = random.chance(inOrder) ? sensitivities.slice(at) : sensitivities;
  const share = categories.length > 8 ? 8 : 50;
  const more = random.chance(inOrder)
    ? categories.filter((name) => few.includes(name) || random.chance(share))
    : random.some(categories, 0, 2);
  const whole = random.chance(30) && categories.length > 1 ? [`${categories[0]}.${categories.at(-1)}`] : more;
  return `${low}${apart}${random.pick(above)}${whole.length > 0 ? `:${whole.join(',')}` : ''}`;
}

/** What follows a user's roles in an MLS policy: a level within a range. */
export function clearance({ random, mls, sensitivities, categories }: Vocabulary): string {
  if (!mls) return '';
  const [lowest = '', highest = ''] = [sensitivities[0], sensitivities.at(-1)];
  const all = categories.length === 1 ? categories[0] : `${categories[0]}.${categories.at(-1)}`;
  if (random.chance(60)) return ` level ${lowest} range ${lowest} - ${highest}:${all}`;
  const low = random.chance(80) ? lowest : random.pick(sensitivities);
  const few = random.some(categories, 1, 4).join(',');
  if (random.chance(20)) return ` level ${low}:${few} range ${low} - ${highest}:${few}`;
  return ` level ${low} range ${low} - ${highest}:${few}`;
}
