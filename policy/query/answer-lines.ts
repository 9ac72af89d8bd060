import type { Policy } from '../policy.ts';
import { answerQuestion } from './answer.ts';
import { lineCharsMax } from './lines.ts';
import { parseQuestion } from './question.ts';

/** A line that was answered. */
export interface AnsweredLine {
  /** The line as it came, cut where it was too long. */
  readonly line: string;
  readonly answer: string;
}

/** Answers line after line; a boolean that is set holds for the lines after it. */
export function lineAnswerer(policy: Policy): (line: string) => AnsweredLine {
  let current = policy;
  return (line) => {
    if (line.length > lineCharsMax) return { line: line.slice(0, lineCharsMax), answer: 'ERR malformed' };
    const question = parseQuestion(line);
    if (question === undefined) return { line, answer: 'ERR malformed' };
    const { answer, policy: next } = answerQuestion(current, question);
    current = next;
    return { line, answer };
  };
}

/** The line, a tab, `=>`, a tab, and the answer. */
export function writeAnswer({ line, answer }: AnsweredLine): string {
  return `${line}\t=>\t${answer}\n`;
}
