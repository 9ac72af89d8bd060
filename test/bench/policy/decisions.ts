import { createAvc } from '../../../policy/avc/avc.ts';
import type { LoadedPolicy } from '../../../policy/policy.ts';
import { readPolicyFile } from '../../../policy/read-policy-file.ts';
import type { DebianPolicy } from '../../support/policy/debian.ts';
import { inTurns, median } from '../measure.ts';
import type { Figure } from '../report.ts';
import { askLibsepol } from './child.ts';
import { benchQuestions, type Question } from './questions.ts';

const questionCount = 4000;
const rounds = 5;
/** Each round is so short that most are not interrupted. */
const cachedRounds = 400;
const cachedEach = 20_000;

/**
 * One decision, from context texts to the names of the permissions, against libsepol's computeAv on SIDs in its own
 * process; and one that the cache has.
 */
export function measureDecisions({ source, binary }: DebianPolicy): Figure[] {
  const loaded = readPolicyFile(source);
  if (!loaded.ok) throw new Error(loaded.diagnostics[0]?.message ?? 'the policy does not load');
  const questions = benchQuestions(loaded.policy, questionCount);
  const input = questions.map((question) => `${question.join(' ')} 0\n`).join('');
  for (let warm = 0; warm < 5; warm++) medianNs(loaded.policy, questions);
  const uncached = inTurns(
    rounds,
    () => medianNs(loaded.policy, questions) / 1000,
    () => askLibsepol(binary, '1', input) / 1000,
  );
  return [
    { name: 'decision, uncached', unit: 'µs', ...uncached, against: 'libsepol', aim: { of: 'ours', atMost: 3 } },
    { name: 'decision, cached', unit: 'ns', ours: cachedNs(loaded.policy, questions), aim: { of: 'ours', atMost: 50 } },
  ];
}

function medianNs(policy: LoadedPolicy, questions: readonly Question[]): number {
  const times = new Float64Array(questions.length);
  let allowed = 0;
  questions.forEach(([source, target, tclass], index) => {
    const start = process.hrtime.bigint();
    allowed += policy.computeAv(source, target, tclass).allowed.length;
    times[index] = Number(process.hrtime.bigint() - start);
  });
  if (allowed === 0) throw new Error('nothing is allowed: the questions are not telling');
  return median([...times]);
}

/** Questions of a thousand contexts, all in the cache, in an order that is not theirs. */
function cachedNs(policy: LoadedPolicy, questions: readonly Question[]): number {
  const avc = createAvc();
  avc.install(policy);
  const perms = ['read', 'write', 'getattr', 'open'];
  const asked = questions.slice(0, 1024).map(([source, target, tclass]) => {
    const mapped = avc.tclass(tclass, perms);
    return { source: avc.context(source), target: avc.context(target), tclass: mapped, perms: mapped.bits('read') };
  });
  const times: number[] = [];
  let allowed = 0;
  for (let round = 0; round < cachedRounds * 2; round++) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < cachedEach; n++) {
      const one = asked[(n * 389) & 1023];
      if (one !== undefined && avc.has(one.source, one.target, one.tclass, one.perms)) allowed++;
    }
    if (round >= cachedRounds) times.push(Number(process.hrtime.bigint() - start) / cachedEach);
  }
  if (allowed === 0) throw new Error('nothing is allowed: the questions are not telling');
  return median(times);
}
