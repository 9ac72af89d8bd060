import type { Question } from './checkpolicy.ts';
import { createRandom, type Random } from './random.ts';
import { randomRange } from './random-policy/levels.ts';
import type { RandomPolicy } from './random-policy.ts';

/** checkpolicy's menu cuts a line at 80 characters. */
const contextCharsMax = 79;
/** The contexts of one round of questions. */
const contextsEach = 40;
/** How often another context is drawn than one that is not preferred. */
const drawsMax = 20;

/**
 * Questions over contexts that are mostly valid; object_r makes every type usable as a source. `prefer` makes fewer of
 * the contexts such as it does not hold for.
 */
export function randomQuestions(
  policy: RandomPolicy,
  seed: number,
  count: number,
  prefer: (context: string) => boolean = () => true,
): Question[] {
  const random = createRandom(seed);
  const draw = (): string => {
    for (let tries = 0; tries < drawsMax; tries++) {
      const context = randomContext(random, policy);
      if (prefer(context) || random.chance(5)) return context;
    }
    return randomContext(random, policy);
  };
  const contexts = Array.from({ length: Math.min(contextsEach, count) }, draw);
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

/** A context, mostly valid, by its aliases at times; one in a hundred has something wrong with its form. */
export function randomContext(random: Random, policy: RandomPolicy): string {
  const user = random.pick(policy.users);
  const role = random.chance(60) ? 'object_r' : random.pick(policy.roles);
  const type = random.pick(policy.types);
  if (!policy.mls) return random.chance(1) ? `${user}:${role}:${type}:s0` : `${user}:${role}:${type}`;
  if (random.chance(1))
    return `${user}:${role}:${type}:${random.pick(['', 's9', 's0:c0.', 's0:c1.c0', 's0 - s0', '-s0'])}`;
  const range = random.chance(20) ? (policy.sensitivities[0] ?? 's0') : randomRange(random, policy, '-');
  const named = random.chance(5) ? range.replace(/\bs1\b/, 'secret').replace(/\bc0\b(?!\.)/, 'first') : range;
  const context = `${user}:${role}:${type}:${named}`;
  return context.length > contextCharsMax ? `${user}:${role}:${type}:s0` : context;
}
