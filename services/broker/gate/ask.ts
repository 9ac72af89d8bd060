import type { Explanation, Policy } from '../../../policy/policy.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { AnsweredQuestion } from '../../../shared/vm/decision.ts';
import { accessAsked, relabelAsked } from '../../../shared/vm/question-notation.ts';
import { no, yes } from './answer.ts';
import type { Question } from './questions/question.ts';

type Access = Extract<Question, { kind: 'access' }>;
type Relabel = Extract<Question, { kind: 'relabel' }>;

/**
 * Puts a question. It is answered no where the policy does not declare the class or a permission, and where a context
 * is not valid or not in the policy's own spelling: two spellings of one label would be two labels to everyone who
 * compares text. A `permissive` domain gets no more than its rules give. An access question of which only a part is
 * granted has an answer for what is granted and one for each reason of what is not. Throws only what the engine throws.
 */
export function ask(policy: Policy, question: Question): AnsweredQuestion[] {
  switch (question.kind) {
    case 'access':
      return askAccess(policy, question);
    case 'userfaultfd':
      return askUserfaultfd(policy, question);
    case 'relabel':
      return [askRelabel(policy, question)];
    case 'valid': {
      const about = { kind: 'valid', why: question.why, asked: question.label } as const;
      const valid = isCanonical(policy, question.label);
      return [valid ? yes(about, [], question.label) : no(about, { reason: 'INVALID' })];
    }
    case 'host': {
      const about = { kind: 'confine', why: question.why, asked: question.asked } as const;
      return [question.holds ? yes(about) : no(about, { reason: question.reason })];
    }
  }
}

/** True for a context that is valid in the policy and spelt as the policy spells it. */
export function isCanonical(policy: Policy, label: Label): boolean {
  return policy.canonical(label) === label;
}

/** The kernel labels a userfaultfd as it does a new file of that name, by the process that makes it. */
function askUserfaultfd(policy: Policy, { why, process }: Extract<Question, { kind: 'userfaultfd' }>) {
  const [tclass, perms] = ['anon_inode', ['create', 'ioctl', 'read']] as const;
  const computed = policy.computeTransition(process, process, tclass, '[userfaultfd]');
  const target = computed.ok ? (computed.context as Label) : process;
  const question = { kind: 'access', why, source: process, target, tclass, perms } as const;
  if (computed.ok || !policy.declares(tclass, perms)) return askAccess(policy, question);
  return [no(aboutAccess(question, perms), { reason: 'INVALID' })];
}

/** Both ways of asking the engine have to agree, so that the rules a decision names are those it was taken by. */
function askAccess(policy: Policy, question: Access): AnsweredQuestion[] {
  const { source, target, tclass, perms } = question;
  if (!policy.declares(tclass, perms)) return [no(aboutAccess(question, perms), { reason: 'UNKNOWN' })];
  if (!isCanonical(policy, source) || !isCanonical(policy, target)) {
    return [no(aboutAccess(question, perms), { reason: 'INVALID' })];
  }
  const { allowed } = policy.computeAv(source, target, tclass);
  const explained = perms.map((perm) => ({ perm, ...policy.explain(source, target, tclass, perm) }));
  if (explained.some((answer) => answer.allowed !== allowed.includes(answer.perm))) {
    return [no(aboutAccess(question, perms), { reason: 'ENGINE' })];
  }
  const groups = Map.groupBy(explained, ({ allowed: granted, reason, obstacle, blocking }) =>
    granted ? '' : `${reason} ${obstacle} ${blocking?.file}:${blocking?.line}`,
  );
  return [...groups.values()].map((group) => answerOf(question, group));
}

/** The answer to the permissions that were granted, or to those that were refused for one reason. */
function answerOf(question: Access, group: (Explanation & { perm: string })[]): AnsweredQuestion {
  const perms = group.map(({ perm }) => perm);
  const rules = group.flatMap(({ granting }) => granting);
  const [first] = group;
  if (first?.allowed === true) return yes(aboutAccess(question, perms), rules);
  const { reason = 'ENGINE', blocking, constraints } = first ?? {};
  const missing = missingOf(group);
  const values = constraints?.[0]?.text;
  const more = { ...(values === undefined ? {} : { values }), ...(missing === undefined ? {} : { missing }) };
  return no(aboutAccess(question, perms), { reason, blocking, ...more }, rules);
}

/** What would grant them all, as audit2allow says it: rules that differ in their permission only are one rule. */
function missingOf(group: readonly Explanation[]): string | undefined {
  if (group.some(({ missing }) => missing === undefined)) return undefined;
  const rules = new Set(group.flatMap(({ missing = '' }) => missing.split('\n')));
  const byRest = Map.groupBy(rules, (rule) => rule.replace(/(?<=:\S+) \S+;$/, ''));
  const joined = [...byRest].map(([rest, alike]) => {
    const perms = alike.map((rule) => rule.slice(rest.length, -1).trim());
    return alike.length === 1 ? alike[0] : `${rest} { ${perms.join(' ')} };`;
  });
  return joined.join('\n');
}

function aboutAccess({ why, source, target, tclass }: Access, perms: readonly string[]) {
  const asked = accessAsked({ scontext: source, tcontext: target, tclass, perms });
  return { kind: 'access', why, asked } as const;
}

function askRelabel(policy: Policy, { why, from, to, task }: Relabel): AnsweredQuestion {
  const asked = relabelAsked({ oldcontext: from, newcontext: to, taskcontext: task, tclass: 'vm' });
  const about = { kind: 'relabel', why, asked } as const;
  if (![from, to, task].every((label) => isCanonical(policy, label))) return no(about, { reason: 'INVALID' });
  const validation = policy.validateTransition(from, to, task, 'vm');
  if (validation.ok) return yes(about);
  const { reason, blocking, failed } = validation;
  return no(about, { reason, blocking, ...(failed === undefined ? {} : { values: failed.text }) });
}
