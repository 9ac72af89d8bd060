import { partsOf } from '../../../policy/decide/create-policy.ts';
import type { LoadedPolicy } from '../../../policy/policy.ts';
import { createRandom } from '../../support/policy/random.ts';

export type Question = readonly [scontext: string, tcontext: string, tclass: string];

/**
 * Questions as object managers put them: domains on files and on one another, in the five classes that are asked for
 * most; and as many of any type on any other in any class, most of which nothing allows.
 */
export function benchQuestions(policy: LoadedPolicy, count: number): Question[] {
  const random = createRandom(1);
  const { types, classes } = partsOf(policy).db;
  const membersOf = (attribute: string): string[] =>
    [...(types.members[types.values.get(attribute) ?? 0] ?? [])].map((type) => types.names[type] ?? '');
  const domains = membersOf('domain');
  const files = membersOf('file_type');
  const everything = types.names.filter((_, type) => type > 0 && types.isAttribute[type] !== true);
  const context = (type: string): string => `system_u:object_r:${type}:s0`;
  return Array.from({ length: count }, (_, index): Question => {
    if (index % 2 === 0) {
      return [context(random.pick(everything)), context(random.pick(everything)), random.pick(classes.names.slice(1))];
    }
    const tclass = random.pick(['file', 'dir', 'process', 'unix_stream_socket', 'fd']);
    const targets = tclass === 'file' || tclass === 'dir' ? files : domains;
    return [context(random.pick(domains)), context(random.pick(targets)), tclass];
  });
}
