import type { Policy } from '../../../policy/policy.ts';
import { faultOf } from '../../../shared/errors/broker-error.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { AnsweredQuestion } from '../../../shared/vm/decision.ts';
import type { GateAsk } from '../runtime/ports.ts';
import { no } from './answer.ts';
import { ask as put } from './ask.ts';
import { computeLabel } from './compute-label.ts';
import { planControl } from './questions/control.ts';
import { planDrain } from './questions/drain.ts';
import { planMigrateIn } from './questions/migrate-in.ts';
import { planMigrateOut } from './questions/migrate-out.ts';
import type { HostFacts, Plan } from './questions/question.ts';
import { planRestore } from './questions/restore.ts';
import { planSave } from './questions/save.ts';
import { planDefine, planStart } from './questions/start.ts';

/** What was decided, before it becomes a record: every question with its answer, and what follows from them. */
export interface Verdict {
  readonly outcome: 'allowed' | 'refused';
  /** The label the VM has or will have, where it is known. */
  readonly label?: Label;
  readonly questions: readonly AnsweredQuestion[];
  /** The policy was replaced on the way: under the one now in force the answer may be another. */
  readonly overtaken?: true;
}

/** The questions of an action, in the order they are put. */
export function planOf(ask: GateAsk, host: HostFacts): Plan {
  switch (ask.action) {
    case 'start':
      return planStart(ask, host);
    case 'define':
      return planDefine(ask);
    case 'save':
      return planSave(ask, host);
    case 'restore':
      return planRestore(ask, host);
    case 'migrate-out':
      return planMigrateOut(ask);
    case 'migrate-in':
      return planMigrateIn(ask, host);
    case 'drain':
      return planDrain(ask, host);
    default:
      return planControl(ask);
  }
}

/**
 * Takes the decision. Pure, and fails closed: without a policy, and where the engine throws, the answer is a refusal that
 * says so. Every question is put even when one was refused already, so that a refusal names all that is missing.
 */
export function decide(ask: GateAsk, policy: Policy | undefined, host: HostFacts): Verdict {
  if (policy === undefined) return { outcome: 'refused', questions: [noPolicy] };
  const questions: AnsweredQuestion[] = [];
  try {
    const plan = planOf(ask, host);
    for (const question of plan.first) questions.push(...put(policy, question));
    const computed = plan.compute === undefined ? {} : computeLabel(policy, plan.compute);
    if (computed.answer !== undefined) questions.push(computed.answer);
    if (computed.label !== undefined) {
      for (const question of plan.withLabel?.(computed.label) ?? []) questions.push(...put(policy, question));
    }
    const label = plan.vm ?? computed.label;
    const allowed = questions.length > 0 && questions.every((question) => question.allowed || isWaived(question, host));
    return { outcome: allowed ? 'allowed' : 'refused', ...(label === undefined ? {} : { label }), questions };
  } catch (error) {
    const overtaken = faultOf(error).code === 'POLICY_CHANGED';
    return { ...refusedBy(error, questions), ...(overtaken ? { overtaken } : {}) };
  }
}

/** The verdict where the policy, or the engine, could not answer; with the questions that were answered before. */
export function refusedBy(error: unknown, answered: readonly AnsweredQuestion[] = []): Verdict {
  const said = error instanceof Error ? error.message : String(error);
  const unanswered = no(
    { kind: 'valid', why: 'the policy engine answers', asked: `policy: ${said}` },
    { reason: 'ENGINE' },
  );
  return { outcome: 'refused', questions: [...answered, unanswered] };
}

/**
 * A permissive host does not act on what its rules refuse. It does act on everything else: where there is no label, no
 * such class or no engine there is nothing to be permissive about.
 */
function isWaived({ kind, reason }: AnsweredQuestion, host: HostFacts): boolean {
  if (host.enforcing || (kind !== 'access' && kind !== 'relabel')) return false;
  return reason === 'TE' || reason === 'CONS' || reason === 'RBAC' || reason === 'BOUNDS';
}

const noPolicy = no({ kind: 'valid', why: 'a policy is loaded', asked: 'policy' }, { reason: 'ENGINE' });
