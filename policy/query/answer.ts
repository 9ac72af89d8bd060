import type { Computed, Policy } from '../policy.ts';
import type { Question } from './question.ts';

/** An answer as the protocol writes it, and the policy that holds for what follows. */
export interface Answered {
  readonly answer: string;
  readonly policy: Policy;
}

const because: Readonly<Record<Extract<Computed, { ok: false }>['reason'], string>> = {
  INVALID_SOURCE: 'invalid source context',
  INVALID_TARGET: 'invalid target context',
  INVALID_RESULT: 'invalid result',
  UNKNOWN_CLASS: 'unknown class',
};

/**
 * Answers one question. What has no answer is `ERR` and the reason, and is never taken for a yes: a context that is not
 * valid, a class or a boolean the policy does not have.
 */
export function answerQuestion(policy: Policy, question: Question): Answered {
  if (question.ask !== 'bool') return { answer: answerOf(policy, question), policy };
  if (!policy.booleans.has(question.name)) return { answer: 'ERR unknown boolean', policy };
  return { answer: 'ok', policy: policy.withBooleans({ [question.name]: question.value }, policy.seqno + 1) };
}

function answerOf(policy: Policy, question: Exclude<Question, { ask: 'bool' }>): string {
  switch (question.ask) {
    case 'av': {
      const { scontext, tcontext, tclass } = question;
      if (policy.canonical(scontext) === undefined) return `ERR ${because.INVALID_SOURCE}`;
      if (policy.canonical(tcontext) === undefined) return `ERR ${because.INVALID_TARGET}`;
      if (!policy.declares(tclass, [])) return `ERR ${because.UNKNOWN_CLASS}`;
      return [...policy.computeAv(scontext, tcontext, tclass).allowed].sort().join(' ');
    }
    case 'trans':
      return written(policy.computeTransition(question.scontext, question.tcontext, question.tclass, question.name));
    case 'change':
      return written(policy.computeChange(question.scontext, question.tcontext, question.tclass));
    case 'member':
      return written(policy.computeMember(question.scontext, question.tcontext, question.tclass));
    case 'vtrans': {
      const { oldcontext, newcontext, taskcontext, tclass } = question;
      const answer = policy.validateTransition(oldcontext, newcontext, taskcontext, tclass);
      if (answer.ok) return 'allowed';
      if (answer.reason === 'INVALID') return 'ERR invalid context';
      return answer.reason === 'UNKNOWN' ? `ERR ${because.UNKNOWN_CLASS}` : 'denied';
    }
    case 'ctx':
      return policy.canonical(question.context) ?? 'INVALID';
  }
}

function written(computed: Computed): string {
  return computed.ok ? computed.context : `ERR ${because[computed.reason]}`;
}
