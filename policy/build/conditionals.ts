import type { Conditional } from '../language/ast.ts';
import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { evaluateCondition } from '../policydb/conditional.ts';
import type { ConditionalDatum } from '../policydb/policydb.ts';
import { type Build, lookUp } from './builder.ts';
import { resolveAvRule, resolveTypeRule } from './rules.ts';

/** How many truth values may wait on the stack (COND_EXPR_MAXDEPTH). */
export const conditionDepthMax = 10;

/**
 * `if`. Blocks with the same expression are one conditional, and a leading `!` swaps the sides, as in libsepol
 * (cond_normalize_expr): which rules may stand beside which depends on it. A block over tunables alone is settled here.
 */
export function resolveConditional(build: Build, statement: Conditional): void {
  const steps = conditionSteps(build, statement);
  if (steps === undefined) return;
  const tunable = steps.filter((step) => typeof step === 'number').map((step) => build.db.tunables[step] === true);
  if (tunable.includes(true)) {
    if (tunable.includes(false)) {
      build.report.error(statement, 'a condition mixes booleans and tunables', {
        hint: 'use one kind of them in a condition',
      });
      return;
    }
    const taken = evaluateCondition(steps, build.db.booleanDefaults) ? statement.then : statement.else;
    for (const rule of taken) addRule(build, rule, UNCONDITIONAL);
    return;
  }
  if (statement.then.length + statement.else.length === 0) return;
  let end = steps.length;
  while (steps[end - 1] === 'not') end--;
  const swapped = (steps.length - end) % 2 === 1;
  const conditional = conditionalOf(build, { steps: steps.slice(0, end) });
  for (const rule of statement.then) addRule(build, rule, conditional * 2 + (swapped ? 1 : 0));
  for (const rule of statement.else) addRule(build, rule, conditional * 2 + (swapped ? 0 : 1));
}

function addRule(build: Build, rule: Conditional['then'][number], branch: number): void {
  if (rule.kind === 'require') return;
  const { spans } = build.db;
  spans.starts.push(rule.start);
  const statement = spans.ends.push(rule.end) - 1;
  if (rule.kind === 'avRule') {
    resolveAvRule(build, rule, statement, branch);
  } else if (rule.fileName !== undefined) {
    build.report.error(rule, 'a rule with a file name inside a conditional', { hint: 'move the rule out of the `if`' });
  } else {
    resolveTypeRule(build, rule, statement, branch);
  }
}

function conditionSteps(build: Build, statement: Conditional): ConditionalDatum['steps'] | undefined {
  const steps: ConditionalDatum['steps'][number][] = [];
  let depth = 0;
  for (const term of statement.condition) {
    if (term.op === 'bool') {
      const value = lookUp(build, build.db.booleans, statement, 'boolean', term.name);
      if (value === 0) return undefined;
      steps.push(value);
      depth++;
    } else {
      steps.push(term.op);
      if (term.op !== 'not') depth--;
    }
    if (depth > conditionDepthMax) {
      build.report.error(statement, 'the condition is too deep', {
        hint: `at most ${conditionDepthMax} values may wait; use fewer brackets`,
      });
      return undefined;
    }
  }
  return steps;
}

/** The number of the conditional, the one that is there if it says the same. */
function conditionalOf(build: Build, datum: ConditionalDatum): number {
  const key = conditionKey(datum);
  const { conditionals } = build.pending;
  const known = conditionals.get(key);
  if (known !== undefined) return known;
  const made = build.db.conditionals.push(datum) - 1;
  conditionals.set(key, made);
  return made;
}

/** Up to five booleans are compared by their truth table over the order they appear in, more by their text. */
function conditionKey({ steps }: ConditionalDatum): string {
  const order = [...new Set(steps.filter((step) => typeof step === 'number'))];
  if (order.length > 5) return steps.join(' ');
  let table = '';
  for (let row = 0; row < 1 << order.length; row++) {
    const values: boolean[] = [];
    order.forEach((boolean, bit) => {
      values[boolean] = (row & (1 << bit)) !== 0;
    });
    table += evaluateCondition(steps, values) ? '1' : '0';
  }
  return `${order.join(' ')} ${table}`;
}
