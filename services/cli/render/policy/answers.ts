import type { AnsweredLine } from '../../../../policy/query/answer-lines.ts';

/** How answers that come one after another are written: what stands before, of each, and after. */
export interface AnswerWriter {
  readonly head: string;
  readonly write: (answered: AnsweredLine) => string;
  readonly tail: string;
}

export const jsonlAnswers: AnswerWriter = {
  head: '',
  write: ({ line, answer }) => `${JSON.stringify({ question: line.split('\t'), answer })}\n`,
  tail: '',
};

/** One object with a list, written as it grows. */
export function jsonAnswers(): AnswerWriter {
  let first = true;
  return {
    head: '{\n  "schema": 1,\n  "answers": [',
    write({ line, answer }) {
      const comma = first ? '' : ',';
      first = false;
      return `${comma}\n    ${JSON.stringify({ question: line.split('\t'), answer })}`;
    },
    tail: '\n  ]\n}\n',
  };
}
