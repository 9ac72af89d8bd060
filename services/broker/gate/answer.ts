import type { RuleSource } from '../../../policy/policy.ts';
import type { Label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import type { AnsweredQuestion } from '../../../shared/vm/decision.ts';

type Refused = Pick<AnsweredQuestion, 'missing' | 'values'> & {
  reason: NonNullable<AnsweredQuestion['reason']>;
  blocking?: RuleSource | undefined;
  result?: Label | undefined;
};
type About = Pick<AnsweredQuestion, 'kind' | 'why' | 'asked'>;

/** A question answered yes, with the rules that granted it or chose `result`. */
export function yes(about: About, rules: readonly RuleSource[] = [], result?: Label): AnsweredQuestion {
  return { ...bounded(about), allowed: true, ...(result === undefined ? {} : { result }), rules: rulesOf(rules) };
}

/** A question answered no: the reason, and what stands in the way or is missing where a rule can help. */
export function no(about: About, refused: Refused, rules: readonly RuleSource[] = []): AnsweredQuestion {
  const { reason, blocking, values, missing, result } = refused;
  return {
    ...bounded(about),
    allowed: false,
    ...(result === undefined ? {} : { result }),
    rules: rulesOf(rules),
    reason,
    ...(blocking === undefined ? {} : { blocking: ruleOf(blocking) }),
    ...(values === undefined ? {} : { values: oneLine(values, limits.ruleTextLength) }),
    ...(missing === undefined ? {} : { missing: oneLine(missing, limits.ruleTextLength) }),
  };
}

function bounded({ kind, why, asked }: About): About {
  return { kind, why: oneLine(why, 200), asked: oneLine(asked, limits.ruleTextLength * 2) };
}

/** Every rule once, and no more than a decision may carry. */
function rulesOf(rules: readonly RuleSource[]): AnsweredQuestion['rules'] {
  const seen = new Map(rules.map((rule) => [`${rule.file}:${rule.line}:${rule.text}`, ruleOf(rule)]));
  return [...seen.values()].slice(0, limits.rulesPerAnswer);
}

function ruleOf({ text, file, line }: RuleSource): AnsweredQuestion['rules'][number] {
  return { text: oneLine(text, limits.ruleTextLength), file: oneLine(file, 256), line };
}

/** Policy statements may be written over many lines; in a decision they stand on one, as text that a message may hold. */
function oneLine(text: string, lengthMax: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  const line = text.replace(/[\s\u0000-\u001f\u007f]+/gu, ' ').trim();
  return line.length <= lengthMax ? line : `${line.slice(0, lengthMax - 1)}…`;
}
