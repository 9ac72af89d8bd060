/*
 * Runs in the guest. For each policy of /questions.json: loads it, and puts its questions to the kernel through the adapter.
 * A line for each answer.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { openKernel } from '../../../../policy/kernel/kernel.ts';
import { answerOf, type Question } from '../question.ts';

interface Work {
  readonly policy: string;
  readonly questions: readonly Question[];
}

const kernelPath = '/sys/fs/selinux';
const { work } = JSON.parse(readFileSync('/questions.json', 'utf8')) as { work: readonly Work[] };
let kernel: ReturnType<typeof openKernel> | undefined;
for (const { policy, questions } of work) {
  writeFileSync(`${kernelPath}/load`, readFileSync(policy));
  kernel ??= openKernel({ mount: kernelPath });
  let current = kernel.current();
  for (const question of questions) {
    if (question.ask === 'bool') current = kernel.setBooleans({ [question.name]: question.value });
    console.log(answerOf(current, question));
  }
}
