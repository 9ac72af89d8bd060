import { contexts } from '../gate/asks.ts';
import { shippedText } from '../gate/shipped.ts';
import { compile, withTemporaryFolder } from '../policy/checkpolicy.ts';
import { handWritten } from '../policy/hand-written.ts';
import { type RandomPolicy, randomPolicy } from '../policy/random-policy.ts';
import { randomQuestions } from '../policy/random-questions.ts';
import { smallPolicy } from '../policy/small-policy.ts';
import type { Question } from './question.ts';

/** A policy, and what the kernel and the engine are both asked of it. */
interface Posed {
  readonly name: string;
  readonly text: string;
  readonly mls: boolean;
  readonly questions: readonly Question[];
}

/** Numbers the unlabeled context as the kernel does, third after one of its own: it cannot run without. */
export const withKernelSids = (text: string): string =>
  text.replace(/^sid unlabeled$/m, 'sid security\n$&').replace(/^sid unlabeled (.*)$/m, 'sid security $1\n$&');

/** The shipped policy under a few hundred questions of the demo. */
export async function shippedQuestions(): Promise<Posed> {
  const all = [...Object.values(contexts), 'user_u:user_r:user_t:s0', 'user_u:user_r:vm_user_t:s0'];
  const questions: Question[] = all.map((context) => ({ ask: 'context', context }));
  questions.push({ ask: 'context', context: 'user_u:user_r:carnet_t:s0' });
  for (const source of all) {
    for (const target of all) {
      questions.push({ ask: 'av', source, target, tclass: target.includes(':object_r:') ? 'file' : 'process' });
      if (target.includes('vm_')) questions.push({ ask: 'av', source, target, tclass: 'vm' });
    }
    for (const tclass of ['vm', 'file', 'process']) {
      questions.push({ ask: 'transition', source, target: contexts.disk, tclass });
      questions.push({ ask: 'change', source, target: contexts.disk, tclass });
      questions.push({ ask: 'member', source, target: contexts.disk, tclass });
    }
    questions.push({ ask: 'validate', before: contexts.vm, after: source, task: contexts.operator, tclass: 'vm' });
  }
  return { name: 'the shipped policy', text: await shippedText(), mls: true, questions };
}

/** What only the kernel answers: names of new objects, sockets, domains that are permissive. */
export const kernelOnly: Posed = {
  name: 'what libsepol does not know',
  mls: true,
  text: withKernelSids(
    smallPolicy({
      classes: 'class dir\nclass tcp_socket\nclass my_socket',
      access: 'class dir inherits file_like\nclass tcp_socket { bind }\nclass my_socket { bind }',
      rules: `permissive user_t;
allow user_t user_t:my_socket bind; auditallow user_t user_t:tcp_socket bind; dontaudit user_t other_t:dir read;
type_transition user_t qemu_virtdisk_t:file other_t;
type_transition user_t qemu_virtdisk_t:file vm_user_t "plain";
type_transition user_t qemu_virtdisk_t:file kernel_t "a b";
type_transition user_t qemu_virtdisk_t:file user_t "50%+1";
type_transition user_t qemu_virtdisk_t:dir user_t "déjà";
type_transition user_t user_t:tcp_socket vm_user_t;`,
    }),
  ),
  questions: [
    ...['plain', 'a b', 'a', '50%+1', '50%', 'déjà', 'a\0b', 'other', '%70lain'].flatMap((name) =>
      ['file', 'dir'].map(
        (tclass): Question => ({
          ask: 'named',
          source: 'user_u:user_r:user_t:s0-s0:c1',
          target: 'system_u:object_r:virtdisk_t:s0',
          tclass,
          name,
        }),
      ),
    ),
    ...['tcp_socket', 'my_socket', 'process'].flatMap((tclass) =>
      (['transition', 'change', 'member', 'av'] as const).flatMap((ask) =>
        ['user_u:user_r:user_t:s0-s0:c1', 'system_u:object_r:other_t:s0'].map(
          (target): Question => ({ ask, source: 'user_u:user_r:user_t:s0-s0:c1', target, tclass }),
        ),
      ),
    ),
    { ask: 'av', source: 'user_u:user_r:user_t:s0', target: 'system_u:object_r:other_t:s0', tclass: 'dir' },
    ...['s0-s1:c0-s1', 's0:c9', 's1-s0', 's0:c0,c1,c2', 'secret', ''].map(
      (range): Question => ({ ask: 'context', context: `system_u:object_r:other_t:${range}` }),
    ),
  ],
};

/** The hand-written policies and some random ones that checkpolicy takes, booleans flipped among the questions. */
export function differentialQuestions(randomPolicies: number, questionsEach: number): Posed[] {
  const posed = (name: string, policy: RandomPolicy, seed: number): Posed => ({
    name,
    text: withKernelSids(policy.text),
    mls: policy.mls,
    questions: randomQuestions(policy, seed, questionsEach),
  });
  const found = Object.entries(handWritten).map(([name, policy]) => posed(name, policy, 1));
  const enough = found.length + randomPolicies;
  for (let seed = 1; found.length < enough; seed++) {
    const policy = randomPolicy(seed);
    const taken = withTemporaryFolder((folder) => compile(folder, policy.text, policy.mls).ok);
    if (taken) found.push(posed(`random policy ${seed}`, policy, seed));
  }
  return found;
}
