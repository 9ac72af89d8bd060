import type { AnsweredQuestion, Decision } from '../../../shared/vm/decision.ts';
import type { Style } from './style.ts';

type Rule = AnsweredQuestion['rules'][number];

/** How many granting rules are shown of one question; the JSON output has them all. */
const rulesShown = 2;

const moments: Readonly<Record<Decision['moment'], string>> = {
  request: 'at the request',
  offer: 'at the offer',
  'first-byte': 'before the first byte',
  switchover: 'at switchover',
  run: 'before the VM runs',
};

const where = (rule: Rule, style: Style) => style.dim(`${rule.file}:${rule.line}`);

function questionLines(question: AnsweredQuestion, style: Style): string[] {
  const mark = question.allowed ? style.good('✓') : style.bad('✗');
  const result = question.result === undefined ? '' : `  → ${question.result}`;
  const reason = question.reason === undefined ? '' : style.bad(`  [${question.reason}]`);
  const lines = [`  ${mark} ${question.asked}${result}${reason}`, `      ${style.dim(question.why)}`];
  for (const rule of question.rules.slice(0, rulesShown)) lines.push(`      ${rule.text}  ${where(rule, style)}`);
  const more = question.rules.length - rulesShown;
  if (more > 0) lines.push(`      ${style.dim(`and ${more} more ${more === 1 ? 'rule' : 'rules'}`)}`);
  if (question.blocking !== undefined) {
    lines.push(
      `      ${style.bad('stands in the way:')} ${question.blocking.text}  ${where(question.blocking, style)}`,
    );
  }
  if (question.values !== undefined) lines.push(`      ${style.dim('here:')} ${question.values}`);
  if (question.missing !== undefined) lines.push(`      ${style.bad('missing:')} ${style.bold(question.missing)}`);
  return lines;
}

/** One line: who decided what, when, and under which policy. */
export function decisionHeading(decision: Decision, style: Style): string {
  const verdict = decision.outcome === 'allowed' ? style.good('allowed') : style.bad('refused');
  const mode = decision.policy.enforcing ? '' : ', permissive';
  const policy = style.dim(`(policy ${decision.policy.digest.slice(0, 12)}, seqno ${decision.policy.seqno}${mode})`);
  const label = decision.label === undefined ? '' : ` as ${decision.label}`;
  return `${verdict}: ${decision.action} on ${decision.host}${label}, ${moments[decision.moment]} ${policy}`;
}

/** A decision in full: the heading, then every question with its answer, the rules that granted or what is missing. */
export function renderDecision(decision: Decision, style: Style): string {
  const lines = [decisionHeading(decision, style)];
  for (const question of decision.questions) lines.push(...questionLines(question, style));
  return `${lines.join('\n')}\n`;
}

/** A decision in one line and its refused questions only: enough where the story matters more than the proof. */
export function renderRefusedPart(decision: Decision, style: Style): string {
  const refused = decision.questions.filter((question) => !question.allowed);
  const lines = [decisionHeading(decision, style)];
  for (const question of refused) lines.push(...questionLines(question, style));
  const granted = decision.questions.length - refused.length;
  if (granted > 0) lines.push(`  ${style.dim(`${granted} other ${granted === 1 ? 'question' : 'questions'} allowed`)}`);
  return `${lines.join('\n')}\n`;
}
