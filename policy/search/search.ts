import { type PolicyParts, partsOf } from '../decide/create-policy.ts';
import { createState } from '../decide/state.ts';
import type { Policy, RuleSource } from '../policy.ts';
import { UNCONDITIONAL } from '../policydb/access-table.ts';
import type { Criteria } from './criteria.ts';
import { listRules } from './list-rules.ts';
import type { ListedRule, RuleKind } from './listed-rule.ts';
import { matcher, neverallowMatcher } from './match.ts';
import { printBranch, printRule } from './print-rule.ts';

/** A rule that was found. */
export interface FoundRule {
  readonly kind: RuleKind | 'neverallow';
  /** In policy syntax; where it is conditional, with the condition and its side after it. */
  readonly text: string;
  /** False where it stands in the side of a condition that is off. */
  readonly on: boolean;
  /** The statements it was made of: several where the policy says it in parts. */
  from(): readonly RuleSource[];
}

/**
 * The rules that are as the criteria say, sorted by their text.
 * @throws SearchError when the criteria name what the policy does not have.
 */
export function searchRules(policy: Policy, criteria: Criteria): FoundRule[] {
  const parts = partsOf(policy);
  const { db, describe } = parts;
  const found: FoundRule[] = [];
  const kinds = new Set([...criteria.kinds].filter((kind) => kind !== 'neverallow'));
  if (kinds.size > 0) {
    const matches = matcher(db, { ...criteria, kinds });
    const { branchOn } = createState(db, parts.flavour, parts.booleans);
    for (const rule of listRules(db, kinds)) {
      if (!matches(rule)) continue;
      const on = rule.branch === UNCONDITIONAL || branchOn[rule.branch] === 1;
      found.push({ kind: rule.kind, text: textOf(parts, rule), on, from: () => rule.statements().map(describe) });
    }
  }
  if (criteria.kinds.has('neverallow')) {
    const matches = neverallowMatcher(db, criteria);
    for (const rule of db.neverallows.filter(matches)) {
      const from = describe(rule.statement);
      found.push({ kind: 'neverallow', text: from.text, on: true, from: () => [from] });
    }
  }
  return found.sort((left, right) => (left.text < right.text ? -1 : left.text > right.text ? 1 : 0));
}

function textOf({ db }: PolicyParts, rule: ListedRule): string {
  return printRule(db, rule) + printBranch(db, rule.branch);
}
