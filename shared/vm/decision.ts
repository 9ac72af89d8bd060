import { sha256Hex } from '../ids.ts';
import { label } from '../label/label.ts';
import { limits } from '../limits.ts';
import { fields, flag, integer, list, maybe, oneOf, type Shape, text } from '../schema/schema.ts';

const rule = fields({ text: text(limits.ruleTextLength), file: text(256), line: integer(0, 100_000_000) });

/** One question that was put to policy, with its answer. */
const answeredQuestion = fields({
  /** `access`: are the permissions allowed. `compute`: which label results. `valid`: is the label valid. `relabel`: validatetrans. `confine`: can the process be confined. */
  kind: oneOf(['access', 'compute', 'valid', 'relabel', 'confine']),
  /** What the question is for, in the operator's words: "the image may be an entrypoint of the domain". */
  why: text(200),
  /** The question in SELinux notation, e.g. `scontext tcontext:vm { entrypoint }`. */
  asked: text(limits.ruleTextLength * 2),
  allowed: flag(),
  /** What was computed, for `compute` and `valid`. */
  result: maybe(label),
  /** The rules that granted, or chose the result. */
  rules: list(rule, limits.rulesPerAnswer),
  reason: maybe(oneOf(['TE', 'CONS', 'RBAC', 'BOUNDS', 'UNKNOWN', 'INVALID', 'UNCONFINED', 'PERMISSIVE', 'ENGINE'])),
  /** The constraint or rule that stands in the way. */
  blocking: maybe(rule),
  /** Where that is a constraint: it again, each comparison with the values it had and whether they fulfil it. */
  values: maybe(text(limits.ruleTextLength)),
  /** The statement that would grant it, in policy syntax. */
  missing: maybe(text(limits.ruleTextLength)),
});
export type AnsweredQuestion = Shape<typeof answeredQuestion>;

/** A decision is a value: everything that was asked and answered, under which policy, and what follows. */
export const decision = fields({
  outcome: oneOf(['allowed', 'refused']),
  /** Which moment: at the request or offer, before the first byte, at switchover, before the VM runs. */
  moment: oneOf(['request', 'offer', 'first-byte', 'switchover', 'run']),
  action: text(64),
  /** The label the VM has or will have, where the decision computed one. */
  label: maybe(label),
  questions: list(answeredQuestion, limits.questionsPerDecision),
  policy: fields({ digest: sha256Hex, seqno: integer(0, Number.MAX_SAFE_INTEGER), enforcing: flag() }),
  host: text(limits.nameLength),
  decidedAtMs: integer(0, Number.MAX_SAFE_INTEGER),
});
export type Decision = Shape<typeof decision>;

/** The questions that were answered no, in order. */
export const refusedQuestions = (d: Decision): AnsweredQuestion[] => d.questions.filter((q) => !q.allowed);
