import { type Decision, refusedQuestions } from '../../shared/vm/decision.ts';

const questionsMax = 4;

/**
 * A refusal as a run keeps it: the questions that were answered no, each with what is missing. The whole decision is in the
 * audit log of the host that took it, and fifty of them would not fit in one message.
 */
export const briefRefusal = (decision: Decision): Decision => ({
  ...decision,
  questions: refusedQuestions(decision)
    .slice(0, questionsMax)
    .map((question) => ({ ...question, rules: [] })),
});

/** A refusal in one sentence, with the first statement that would help. */
export function refusalText(decision: Decision): string {
  const missing = refusedQuestions(decision).find((question) => question.missing !== undefined)?.missing;
  return `refused by the policy of ${decision.host}${missing === undefined ? '' : `, missing: ${missing}`}`;
}
