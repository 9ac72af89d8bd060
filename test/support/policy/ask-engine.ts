import type { Policy } from '../../../policy/policy.ts';
import type { Question } from './checkpolicy.ts';

/** Puts the same questions to the engine, and writes its answers in the same way as `askLibsepol`. */
export function askEngine(policy: Policy, questions: readonly Question[]): string[] {
  let current = policy;
  return questions.map((question) => {
    switch (question.ask) {
      case 'context':
        return current.canonical(question.context) ?? 'INVALID';
      case 'bool':
        current = current.withBooleans({ [question.name]: question.value }, current.seqno + 1);
        return '';
      case 'av': {
        if (!bothValid(current, question.source, question.target)) return 'INVALID';
        return [...current.computeAv(question.source, question.target, question.tclass).allowed].sort().join(' ');
      }
      case 'validate': {
        const { before, after, task, tclass } = question;
        const answer = current.validateTransition(before, after, task, tclass);
        if (answer.ok) return 'allowed';
        return answer.reason === 'INVALID' ? 'INVALID' : 'denied';
      }
      default: {
        if (!bothValid(current, question.source, question.target)) return 'INVALID';
        const compute = {
          transition: current.computeTransition,
          change: current.computeChange,
          member: current.computeMember,
        }[question.ask];
        const answer = compute(question.source, question.target, question.tclass);
        return answer.ok ? answer.context : 'ERR';
      }
    }
  });
}

function bothValid(policy: Policy, source: string, target: string): boolean {
  return policy.canonical(source) !== undefined && policy.canonical(target) !== undefined;
}
