import { partsOf } from '../../policy/decide/create-policy.ts';
import type { LoadedPolicy } from '../../policy/policy.ts';
import { type KeyIndex, rowClass, rowSource, rowTarget } from '../../policy/policydb/key-index.ts';
import type { Question } from '../support/policy/checkpolicy.ts';
import { createRandom, type Random } from '../support/policy/random.ts';
import type { RandomPolicy } from '../support/policy/random-policy.ts';
import { randomContext } from '../support/policy/random-questions.ts';

/** How often a context of a type is drawn until one is valid. */
const drawsMax = 12;

/**
 * Questions about pairs of types and classes that the rules of a large policy speak of: of all pairs there are, hardly any
 * would have an answer.
 */
export function ruleQuestions(policy: LoadedPolicy, names: RandomPolicy, seed: number, count: number): Question[] {
  const random = createRandom(seed);
  const { db } = partsOf(policy);
  const member = (value: number): string => {
    const members = db.types.isAttribute[value] === true ? [...(db.types.members[value] ?? [])] : [value];
    return db.types.names[members.length === 0 ? value : random.pick(members)] ?? '';
  };
  const contextOf = (value: number): string => contextFor(random, policy, names, member(value));
  const about = (index: KeyIndex) => {
    const row = random.below(index.pairs.length);
    return {
      source: contextOf(rowSource(index, row)),
      target: contextOf(rowTarget(index, row)),
      tclass: db.classes.names[rowClass(index, row)] ?? '',
    };
  };
  const draw = (): Question => {
    const kind = random.below(100);
    if (kind < 55) return { ask: 'av', ...about(db.access.index) };
    if (kind < 70) return { ask: 'transition', ...about(db.typeRules.type_transition.index) };
    if (kind < 78) return { ask: 'change', ...about(db.typeRules.type_change.index) };
    if (kind < 84) return { ask: 'member', ...about(db.typeRules.type_member.index) };
    if (kind < 90) return { ask: 'context', context: randomContext(random, names) };
    if (kind < 98) {
      const { source: before, target: after, tclass } = about(db.access.index);
      return { ask: 'validate', before, after, task: contextOf(1 + random.below(db.types.names.length - 1)), tclass };
    }
    return { ask: 'bool', name: random.pick(names.booleans), value: random.chance(50) };
  };
  return Array.from({ length: count }, draw);
}

/** A context of the type, valid if one comes up: a process as a rule, else an object. */
function contextFor(random: Random, policy: LoadedPolicy, names: RandomPolicy, type: string): string {
  for (let tries = 0; tries < drawsMax; tries++) {
    const [user, role, , ...range] = randomContext(random, names).split(':');
    const context = [user, tries < drawsMax / 2 ? random.pick(names.roles) : role, type, ...range].join(':');
    if (context.length < 80 && policy.canonical(context) !== undefined) return context;
  }
  return `${names.users[0]}:object_r:${type}${names.mls ? `:${names.sensitivities[0]}` : ''}`;
}
