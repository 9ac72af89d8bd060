import type { CommandForm } from '../register.ts';
import { type FlavourOptions, flavourOption, policyIn } from './load.ts';

export const queryForm: CommandForm<FlavourOptions> = {
  usage: 'query <file>',
  summary: 'answer questions to a policy, one a line on standard input',
  details: `The words of a line have a tab between them. Each line is written again, then a tab, =>, a tab, and the answer:

  av SCON TCON CLASS                           the permissions that are allowed, sorted
  trans|change|member SCON TCON CLASS [NAME]   the computed context, or ERR and why there is none
  vtrans OLD NEW TASK CLASS                    allowed or denied
  ctx CONTEXT                                  the canonical form, or INVALID
  bool NAME 0|1                                ok; holds for the lines after it

What cannot be asked, since a context, the class or the boolean is not the policy's, is answered with ERR and why. A line that is none of these is answered with ERR malformed, and the rest goes on. The file may be source or binary.`,
  options: [flavourOption()],
  examples: [
    'carnet policy query policy.conf < questions.tsv',
    'carnet policy query /sys/fs/selinux/policy --flavour kernel',
  ],
  async run(session, [file = ''], options) {
    const policy = await policyIn(file, { flavour: options.flavour });
    const { lineAnswerer, writeAnswer } = await import('../../../../policy/query/answer-lines.ts');
    const { lineBatches } = await import('../../../../policy/query/lines.ts');
    const { jsonAnswers, jsonlAnswers } = await import('../../render/policy/answers.ts');
    const answer = lineAnswerer(policy);
    const { head, write, tail } =
      session.format === 'json'
        ? jsonAnswers()
        : session.format === 'jsonl'
          ? jsonlAnswers
          : { head: '', write: writeAnswer, tail: '' };
    session.print(head);
    for await (const lines of lineBatches(process.stdin.setEncoding('utf8'))) {
      session.print(lines.map((line) => write(answer(line))).join(''));
    }
    session.print(tail);
    return undefined;
  },
};
