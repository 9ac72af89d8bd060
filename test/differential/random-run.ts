import { loadPolicy } from '../../policy/load.ts';
import { randomPolicy } from '../support/policy/random-policy.ts';
import { randomQuestions } from '../support/policy/random-questions.ts';
import { comparePolicy } from './compare.ts';
import { type Counterexample, keepAnswer, keepVerdict } from './counterexample.ts';
import { countTelling } from './telling.ts';

export interface RandomRun {
  /** At least so many questions are asked. */
  readonly queries: number;
  /** The first policy's; each next policy has the next number, so any of them can be had again alone. */
  readonly seed: number;
  /** Policies with differences are kept here, shrunk. */
  readonly folder: string;
  readonly progress: (done: Progress) => void;
}

export interface Progress {
  readonly queries: number;
  readonly policies: number;
  readonly refused: number;
  readonly differences: number;
}

/** What came of a run. `telling` counts answers that say something, by kind of question. */
export interface RandomResult extends Omit<Progress, 'differences'> {
  readonly seed: number;
  readonly telling: Readonly<Record<string, number>>;
  readonly differences: readonly Counterexample[];
}

/** How many questions each policy is asked. */
const questionsEach = 500;
/** The run ends early when so many policies differ: they will have one cause. */
const differencesMax = 5;

/** Random policies, each with random questions, until enough are asked. */
export function runRandom({ queries: wanted, seed: first, folder, progress }: RandomRun): RandomResult {
  const differences: Counterexample[] = [];
  const telling = new Map<string, number>();
  let [queries, policies, refused] = [0, 0, 0];
  for (let seed = first; queries < wanted && differences.length < differencesMax; seed++) {
    const { text, mls, ...names } = randomPolicy(seed);
    const loaded = loadPolicy(text);
    const valid = (context: string): boolean => loaded.ok && loaded.policy.canonical(context) !== undefined;
    const count = Math.min(questionsEach, wanted - queries);
    const questions = randomQuestions({ ...names, text, mls }, seed, count, valid);
    const compared = comparePolicy(text, mls, questions);
    if (compared.outcome === 'refused') refused++;
    else if (compared.outcome === 'verdicts differ') differences.push(keepVerdict(folder, seed, text, mls));
    else {
      policies++;
      queries += questions.length;
      countTelling(telling, questions, compared.answers);
      const [difference] = compared.differences;
      if (difference !== undefined) differences.push(keepAnswer(folder, seed, text, mls, difference));
    }
    progress({ queries, policies, refused, differences: differences.length });
  }
  return { seed: first, queries, policies, refused, telling: Object.fromEntries([...telling].sort()), differences };
}
