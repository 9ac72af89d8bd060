import type { AnsweredQuestion, Decision } from '../../../shared/vm/decision.ts';
import { parseAccessAsked, parseComputeAsked, parseRelabelAsked } from '../../../shared/vm/question-notation.ts';
import type { DecidedAbout } from '../runtime/ports.ts';
import { context, untrusted } from './text.ts';

/** One record without its time, serial number and place in the chain, which the log adds. */
export interface AuditRecord {
  readonly type: 'USER_AVC' | 'USER_SELINUX_ERR' | 'USER_MAC_POLICY_LOAD' | 'TRUSTED_APP';
  /** What stands in the message, from its beginning to where supplementary fields may be. */
  readonly before: string;
  /** What stands after the supplementary fields. */
  readonly after: string;
}

/**
 * A decision as audit records: one per question in the order they were put, then one that says what was decided. Access
 * questions are in the exact text of libselinux's AVC (avc.c: two spaces after `denied` and after `granted`; a granted
 * one has no `permissive`), and refusals of the other kinds in the kernel's own words where it has some.
 */
export function recordsOf(decision: Decision, id: string, about: DecidedAbout): AuditRecord[] {
  const vm = about.vm === undefined ? '' : `vm=${untrusted(about.vm)} `;
  const supplement = `${vm}by=${untrusted(about.by)} decision=${id}`;
  return [
    ...decision.questions.map((question) => recordOf(question, supplement, decision)),
    {
      type: 'TRUSTED_APP',
      before: `op=carnet-decision ${supplement}`,
      after: [
        about.operation === undefined ? '' : `operation=${untrusted(about.operation)}`,
        `action=${untrusted(decision.action)} moment=${decision.moment} outcome=${decision.outcome}`,
        about.fence === undefined ? '' : fenceOf(about.fence),
        decision.label === undefined ? '' : `label=${context(decision.label)}`,
        `policy=${decision.policy.digest} seqno=${decision.policy.seqno} enforcing=${decision.policy.enforcing ? 1 : 0}`,
        `res=${decision.outcome === 'allowed' ? 1 : 0}`,
      ]
        .filter((part) => part !== '')
        .join(' '),
    },
  ];
}

/** The word that hosts are off for good, and who said that the VM is not there. */
function fenceOf({ host, also, heard, epoch }: NonNullable<DecidedAbout['fence']>): string {
  const names = (field: string, of: readonly string[]) =>
    of.length === 0 ? '' : ` ${field}=${untrusted(of.join(','))}`;
  return `fence=confirmed fenced=${untrusted(host)}${names('also_fenced', also)}${names('heard', heard)} epoch=${epoch}`;
}

/** A policy that was loaded, or was not, in the kernel's words. */
export function policyLoadRecord(outcome: { ok: boolean; seqno: number; digest?: string }): AuditRecord {
  const digest = outcome.digest === undefined ? '' : ` policy=${outcome.digest}`;
  return {
    type: 'USER_MAC_POLICY_LOAD',
    before: 'op=load_policy lsm=selinux',
    after: `seqno=${outcome.seqno}${digest} res=${outcome.ok ? 1 : 0}`,
  };
}

function recordOf(question: AnsweredQuestion, supplement: string, decision: Decision): AuditRecord {
  switch (question.kind) {
    case 'access':
      return accessRecord(question, supplement, decision);
    case 'relabel':
      return relabelRecord(question, supplement);
    case 'compute':
      return computeRecord(question, supplement);
    default:
      return otherRecord(question, supplement);
  }
}

function accessRecord(question: AnsweredQuestion, supplement: string, decision: Decision): AuditRecord {
  const asked = parseAccessAsked(question.asked);
  if (asked === undefined) return otherRecord(question, supplement);
  const permissive = question.allowed ? '' : ` permissive=${decision.outcome === 'allowed' ? 1 : 0}`;
  return {
    type: 'USER_AVC',
    before: `avc:  ${question.allowed ? 'granted' : 'denied'}  { ${asked.perms.join(' ')} } for ${supplement}`,
    after: `scontext=${context(asked.scontext)} tcontext=${context(asked.tcontext)} tclass=${asked.tclass}${permissive}`,
  };
}

function relabelRecord(question: AnsweredQuestion, supplement: string): AuditRecord {
  const asked = parseRelabelAsked(question.asked);
  if (asked === undefined) return otherRecord(question, supplement);
  return {
    type: question.allowed ? 'TRUSTED_APP' : 'USER_SELINUX_ERR',
    before: `op=security_validate_transition seresult=${question.allowed ? 'granted' : 'denied'}`,
    after:
      `oldcontext=${context(asked.oldcontext)} newcontext=${context(asked.newcontext)} ` +
      `taskcontext=${context(asked.taskcontext)} tclass=${asked.tclass} ${supplement}`,
  };
}

function computeRecord(question: AnsweredQuestion, supplement: string): AuditRecord {
  const asked = parseComputeAsked(question.asked);
  if (asked === undefined) return otherRecord(question, supplement);
  const name = question.allowed ? 'newcontext' : 'invalid_context';
  const result = question.result === undefined ? '' : ` ${name}=${context(question.result)}`;
  return {
    type: question.allowed ? 'TRUSTED_APP' : 'USER_SELINUX_ERR',
    before: `op=security_compute_sid${result}`,
    after:
      `scontext=${context(asked.scontext)} tcontext=${context(asked.tcontext)} tclass=${asked.tclass} ` +
      `rule=${asked.rule} ${supplement}${reasonOf(question)}`,
  };
}

function otherRecord(question: AnsweredQuestion, supplement: string): AuditRecord {
  return {
    type: 'TRUSTED_APP',
    before: `op=carnet-question kind=${question.kind}`,
    after: `asked=${untrusted(question.asked)} ${supplement}${reasonOf(question)} res=${question.allowed ? 1 : 0}`,
  };
}

const reasonOf = ({ reason }: AnsweredQuestion) => (reason === undefined ? '' : ` reason=${reason}`);
