import { type AnsweredQuestion, type Decision, refusedQuestions } from './decision.ts';

/** What each reason means, as the end of "… because". */
const reasons: Readonly<Record<NonNullable<AnsweredQuestion['reason']>, string>> = {
  TE: 'no rule grants it',
  CONS: 'a constraint is not met',
  RBAC: 'no rule allows the change of role',
  BOUNDS: 'the domain may not have what its parent has not',
  UNKNOWN: 'the policy does not declare the class or a permission',
  INVALID: 'a label is not valid in the policy of this host',
  UNCONFINED: 'the host cannot confine processes and must',
  PERMISSIVE: 'the host is permissive',
  ENGINE: 'there was no answer',
};

/**
 * One sentence on why a decision is a refusal: what was not granted, and what is missing in policy syntax where a rule can
 * help. Empty for a decision that allows.
 */
export function refusalSentence(decision: Decision): string {
  const refused = refusedQuestions(decision);
  const [first] = refused;
  if (decision.outcome === 'allowed' || first === undefined) return '';
  const others = refused.length === 1 ? '' : ` (and ${refused.length - 1} more)`;
  return `${decision.host} refuses ${decision.action}: not granted that ${first.why}; ${remedyOf(first)}${others}`;
}

/** What is missing or in the way of a question that was answered no. */
export function remedyOf({ reason, blocking, values, missing, asked }: AnsweredQuestion): string {
  if (missing !== undefined) return `missing: ${missing}`;
  if (blocking !== undefined) {
    const here = values === undefined ? '' : `, here: ${values}`;
    return `in the way: ${blocking.text} (${blocking.file}:${blocking.line})${here}`;
  }
  const because = reason === undefined ? reasons.ENGINE : reasons[reason];
  return `${because}: ${asked}`;
}

/** A decision in plain lines: what was asked, what was answered, and by which rules. No colours, no escapes. */
export function renderDecision(decision: Decision): string[] {
  const { outcome, action, host, moment, policy, label } = decision;
  const mode = policy.enforcing ? 'enforcing' : 'permissive';
  const lines = [
    `${outcome}: ${action} on ${host} at ${moment} (policy ${policy.digest.slice(0, 12)}, seqno ${policy.seqno}, ${mode})`,
  ];
  if (label !== undefined) lines.push(`label ${label}`);
  for (const question of decision.questions) lines.push(...linesOf(question));
  return lines;
}

function linesOf(question: AnsweredQuestion): string[] {
  const { allowed, why, kind, asked, result, rules } = question;
  const lines = [`  ${allowed ? 'yes' : 'no '} ${why}`, `      ${asked}`];
  if (result !== undefined && kind === 'compute') lines.push(`      = ${result}`);
  for (const rule of rules) lines.push(`      by ${rule.file}:${rule.line} ${rule.text}`);
  if (!allowed) lines.push(`      ${question.reason ?? 'ENGINE'}, ${remedyOf(question)}`);
  return lines;
}
