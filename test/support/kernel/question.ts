import type { Policy } from '../../../policy/policy.ts';
import type { Question as PlainQuestion } from '../policy/checkpolicy.ts';

/** A question for the engine and the kernel alike: those that libsepol is asked, and a new object that has a name. */
export type Question =
  | PlainQuestion
  | {
      readonly ask: 'named';
      readonly source: string;
      readonly target: string;
      readonly tclass: string;
      readonly name: string;
    };

/** What is asked; the adapter and the engine both are one. */
type Asked = Omit<Policy, 'digest'>;

/** Puts a question and writes the whole answer as one line, so that two that answer can be compared. */
export function answerOf(policy: Asked, question: Question): string {
  switch (question.ask) {
    case 'context':
      return policy.canonical(question.context) ?? 'INVALID';
    case 'av': {
      const { source, target, tclass } = question;
      const { allowed, auditallow, auditdeny, permissive } = policy.computeAv(source, target, tclass);
      return `${allowed.join(' ')} / ${auditallow.join(' ')} / ${auditdeny.join(' ')} / ${permissive}`;
    }
    case 'validate': {
      const { before, after, task, tclass } = question;
      const validation = policy.validateTransition(before, after, task, tclass);
      return validation.ok ? 'ok' : validation.reason;
    }
    case 'bool':
      return '';
    default: {
      const { source, target, tclass } = question;
      const computed =
        question.ask === 'change'
          ? policy.computeChange(source, target, tclass)
          : question.ask === 'member'
            ? policy.computeMember(source, target, tclass)
            : policy.computeTransition(source, target, tclass, 'name' in question ? question.name : undefined);
      return computed.ok ? computed.context : [computed.reason, computed.context ?? []].flat().join(' ');
    }
  }
}
