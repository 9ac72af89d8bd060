import type { DenialReason, Explanation, Policy, RuleSource } from '../../../../policy/policy.ts';
import type { Style } from '../style.ts';

export interface Question {
  readonly scontext: string;
  readonly tcontext: string;
  readonly tclass: string;
  readonly perm: string;
}

const meanings: Readonly<Record<DenialReason, string>> = {
  TE: 'no rule allows it',
  CONS: 'a constraint forbids it',
  RBAC: 'the role may not change to that role',
  BOUNDS: 'the type is bounded by one that may not',
  UNKNOWN: 'the policy does not know it',
  INVALID: 'a context is not valid in the policy',
};

const obstacles: Readonly<Record<NonNullable<Explanation['obstacle']>, string>> = {
  constraint: 'no allow rule can help: a constraint stands in the way',
  neverallow: 'no allow rule can help: a neverallow forbids it',
  bounds: 'no allow rule can help: the type it is bounded by cannot be given it',
};

/** What of the question the policy does not have, or has no valid form for. */
export function unknownPart(policy: Policy, { scontext, tcontext, tclass, perm }: Question): string | undefined {
  if (!policy.declares(tclass, [])) return `class ${tclass}`;
  if (!policy.declares(tclass, [perm])) return `permission ${perm} of class ${tclass}`;
  if (policy.canonical(scontext) === undefined) return `context ${scontext}`;
  return policy.canonical(tcontext) === undefined ? `context ${tcontext}` : undefined;
}

/** The answer, then the rules that granted it or what stands in the way and what would help. */
export function renderExplanation(
  { scontext, tcontext, tclass, perm }: Question,
  explanation: Explanation,
  unknown: string | undefined,
  style: Style,
): string {
  const { allowed, reason } = explanation;
  const place = ({ file, line }: RuleSource): string => style.dim(`${file}:${line}`);
  const shown = (rule: RuleSource): string => `    ${rule.text}  ${place(rule)}`;
  const mark = allowed ? style.good('✓ allowed') : style.bad('✗ refused');
  const why = reason === undefined ? '' : style.bad(`  [${reason}] ${meanings[reason]}`);
  const lines = [`${mark}: ${scontext} ${tcontext}:${tclass} ${perm}${why}`];
  if (unknown !== undefined) lines.push(`  not in the policy: ${unknown}`);
  if (explanation.granting.length > 0) lines.push('  allowed by:', ...explanation.granting.map(shown));
  for (const { text, rule } of explanation.constraints ?? []) {
    lines.push(`  false: ${style.bad(text)}`, shown(rule));
  }
  const { blocking } = explanation;
  if (blocking !== undefined && explanation.constraints?.some(({ rule }) => rule.text === blocking.text) !== true) {
    lines.push('  in the way:', shown(blocking));
  }
  for (const rule of explanation.off ?? []) {
    lines.push(`  would be allowed if ( ${rule.condition} ) by:`, shown(rule));
    for (const way of rule.switches) {
      const settings = Object.entries(way).map(([name, value]) => `${name}=${value ? 1 : 0}`);
      lines.push(`      setsebool ${settings.join(' ')}`);
    }
  }
  if (explanation.missing !== undefined) {
    lines.push('  missing:', ...explanation.missing.split('\n').map((line) => `    ${style.bold(line)}`));
  }
  if (explanation.obstacle !== undefined) lines.push(`  ${obstacles[explanation.obstacle]}`);
  return `${lines.join('\n')}\n`;
}
