import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnswerDifference, comparePolicy } from './compare.ts';
import { shrinkLines } from './shrink.ts';

/** A difference, on as small a policy as shows it. */
export interface Counterexample {
  readonly seed: number;
  readonly what: 'verdict' | 'answer';
  readonly libsepol: string;
  readonly engine: string;
  readonly question?: AnswerDifference['question'];
  /** Booleans that were set before. */
  readonly before?: AnswerDifference['before'];
  /** The file with the shrunk policy. */
  readonly policy: string;
}

/** Shrinks a policy on which the verdicts differ, and keeps it in the folder. */
export function keepVerdict(folder: string, seed: number, text: string, mls: boolean): Counterexample {
  const differs = (smaller: string): boolean => comparePolicy(smaller, mls, []).outcome === 'verdicts differ';
  const small = shrinkLines(text, differs);
  const compared = comparePolicy(small, mls, []);
  const { checkpolicy = '', engine = '' } = compared.outcome === 'verdicts differ' ? compared : {};
  return { seed, what: 'verdict', libsepol: checkpolicy, engine, policy: keep(folder, seed, small) };
}

/** Shrinks a policy on which an answer differs, and keeps it in the folder. */
export function keepAnswer(
  folder: string,
  seed: number,
  text: string,
  mls: boolean,
  difference: AnswerDifference,
): Counterexample {
  const questions = [...difference.before, difference.question];
  const again = (smaller: string): AnswerDifference | undefined => {
    try {
      const compared = comparePolicy(smaller, mls, questions);
      if (compared.outcome === 'asked') return compared.differences.find((one) => one.question === difference.question);
    } catch {
      // checkpolicy writes policies without rules that it cannot read back.
    }
    return undefined;
  };
  const small = shrinkLines(text, (smaller) => again(smaller) !== undefined);
  const { libsepol, engine, question, before } = again(small) ?? difference;
  return { seed, what: 'answer', libsepol, engine, question, before, policy: keep(folder, seed, small) };
}

function keep(folder: string, seed: number, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `seed-${seed}.conf`);
  writeFileSync(file, text);
  return file;
}
