import type { Question } from './checkpolicy.ts';
import { createRandom, type Random } from './random.ts';
import { type RandomPolicy, randomRange } from './random-policy.ts';

/** checkpolicy's menu cuts a line at 80 characters. */
const contextCharsMax = 79;

/** Questions over contexts that are mostly valid; object_r makes every type usable as a source. */
export function randomQuestions(policy: RandomPolicy, seed: number, count: number): Question[] {
  const random = createRandom(seed);
  const contexts = Array.from({ length: 40 }, () => randomContext(random, policy));
  const questions = contexts.map((context): Question => ({ ask: 'context', context }));
  while (questions.length < count) questions.push(randomQuestion(random, policy, contexts));
  return questions;
}

function randomQuestion(random: Random, { classes, booleans }: RandomPolicy, contexts: readonly string[]): Question {
  const [source, target, task] = [random.pick(contexts), random.pick(contexts), random.pick(contexts)];
  const tclass = random.pick(classes);
  const kind = random.below(100);
  if (kind < 50) return { ask: 'av', source, target, tclass };
  if (kind < 62) return { ask: 'transition', source, target, tclass };
  if (kind < 74) return { ask: 'change', source, target, tclass };
  if (kind < 86) return { ask: 'member', source, target, tclass };
  if (kind < 98 || booleans.length === 0) return { ask: 'validate', before: source, after: target, task, tclass };
  return { ask: 'bool', name: random.pick(booleans), value: random.chance(50) };
}

export function randomContext(random: Random, policy: RandomPolicy): string {
  const user = random.pick(policy.users);
  const role = random.chance(60) ? 'object_r' : random.pick(policy.roles);
  const type = random.pick(policy.types);
  if (!policy.mls) return `${user}:${role}:${type}`;
  const runs = policy.categories.length > 2 && random.chance(15);
  const range = runs ? `s0-s0:${policy.categories[0]}.${policy.categories[2]}` : randomRange(random, policy, '-');
  const context = `${user}:${role}:${type}:${random.chance(25) ? 's0' : range}`;
  return context.length > contextCharsMax ? `${user}:${role}:${type}:s0` : context;
}
