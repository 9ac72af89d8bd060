import { createRandom } from './random.ts';
import { declareClasses, declareDefaults } from './random-policy/classes.ts';
import { constraint, validation } from './random-policy/constraints.ts';
import { declareMls } from './random-policy/levels.ts';
import { declareRoles, declareUsers } from './random-policy/roles.ts';
import { accessRule, conditional, optional, otherRule, rangeTransition, typeRule } from './random-policy/rules.ts';
import { times } from './random-policy/sets.ts';
import { declareBounds, declareTypes, neverallow } from './random-policy/types.ts';
import { BOUNDED, createVocabulary } from './random-policy/vocabulary.ts';

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

/**
 * A policy that checkpolicy takes most of the time, one statement a line, of every statement that can change an answer:
 * attributes, subtracted sets, self, booleans, tunables, optional blocks, constraints of all forms, defaults, role and
 * range transitions, bounds, MLS.
 */
export function randomPolicy(seed: number): RandomPolicy {
  const random = createRandom(seed);
  const words = createVocabulary(random);
  const { mls, users, roles, types } = words;
  const low = mls ? ':s0' : '';
  const lines = [
    ...declareClasses(words),
    ...declareDefaults(words),
    ...(mls ? declareMls(words) : []),
    ...declareTypes(words),
    ...times(words, 25, 25, accessRule),
    ...times(words, 3, 10, typeRule),
    ...times(words, 0, 3, otherRule),
    ...times(words, 0, 6, conditional),
    ...times(words, 0, 2, (one) => optional(one)),
    ...declareRoles(words),
    ...(mls ? times(words, 0, 5, rangeTransition) : []),
    ...declareBounds(words),
    ...(random.chance(20) ? [neverallow(words)] : []),
    ...declareUsers(words),
    ...times(words, 0, 4, (one) => constraint(one, 'constrain')),
    ...times(words, 0, 3, (one) => validation(one, 'validatetrans')),
    `sid kernel ${users[0]}:${roles[0]}:${types[0]}${low}`,
    `sid unlabeled ${users[0]}:object_r:${types[1]}${low}`,
  ];
  return { ...words, types: [...types, ...BOUNDED, 'again_t'], text: `${lines.join('\n')}\n` };
}
