import type { Question } from '../support/policy/checkpolicy.ts';

/** Counts answers that say something, by kind of question: many empty answers that agree show little. */
export function countTelling(
  counts: Map<string, number>,
  questions: readonly Question[],
  answers: readonly string[],
): void {
  questions.forEach((question, at) => {
    const answer = answers[at] ?? '';
    if (answer === '' || answer === 'INVALID') return;
    const kind = answer === 'denied' || answer === 'ERR' ? `${question.ask} ${answer}` : question.ask;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  });
}
