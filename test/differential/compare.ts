import { loadPolicy } from '../../policy/load.ts';
import type { Policy } from '../../policy/policy.ts';
import { askEngine } from '../support/policy/ask-engine.ts';
import { askLibsepol, compile, type Question, withTemporaryFolder } from '../support/policy/checkpolicy.ts';

/** An answer that differs. `before` are the booleans that were set on the way to the question. */
export interface AnswerDifference {
  readonly question: Question;
  readonly before: readonly Question[];
  readonly libsepol: string;
  readonly engine: string;
}

/** What came of one policy: both refuse it, they disagree about that, or they were both asked. */
export type Compared =
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'verdicts differ'; readonly checkpolicy: string; readonly engine: string }
  | {
      readonly outcome: 'asked';
      readonly answers: readonly string[];
      readonly differences: readonly AnswerDifference[];
    };

/** Gives one source to both, and puts the questions to both if they take it. */
export function comparePolicy(text: string, mls: boolean, questions: readonly Question[]): Compared {
  return withTemporaryFolder((folder) => {
    const compiled = compile(folder, text, mls);
    const loaded = loadPolicy(text);
    if (compiled.ok !== loaded.ok) {
      const [first] = loaded.ok ? [] : loaded.diagnostics;
      const engine = first === undefined ? 'loads' : `line ${first.line}: ${first.message}`;
      return { outcome: 'verdicts differ', checkpolicy: compiled.ok ? 'compiles' : compiled.output, engine };
    }
    if (!loaded.ok) return { outcome: 'refused' };
    // Some policies can be compiled and not be read again: one without rules.
    if (questions.length === 0) return { outcome: 'asked', answers: [], differences: [] };
    const { answers, differences } = compareAnswers(folder, mls, loaded.policy, questions);
    return { outcome: 'asked', answers, differences };
  });
}

/** Puts the questions to libsepol, with `policy.bin` in the folder, and to a policy of ours. The answers are libsepol's. */
export function compareAnswers(
  folder: string,
  mls: boolean,
  policy: Policy,
  questions: readonly Question[],
): { answers: readonly string[]; differences: readonly AnswerDifference[] } {
  const answers = askLibsepol(folder, mls, questions);
  return { answers, differences: differencesFrom(answers, policy, questions) };
}

/** Where a policy of ours answers otherwise than libsepol did. */
export function differencesFrom(
  answers: readonly string[],
  policy: Policy,
  questions: readonly Question[],
): AnswerDifference[] {
  const ours = askEngine(policy, questions);
  return questions.flatMap((question, at) => {
    const [libsepol = '', engine = ''] = [answers[at], ours[at]];
    if (libsepol === engine) return [];
    const before = questions.slice(0, at).filter((earlier) => earlier.ask === 'bool');
    return [{ question, before, libsepol, engine }];
  });
}
