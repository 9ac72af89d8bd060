import type { Conditional } from '../language/ast.ts';
import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { evaluateCondition } from '../policydb/conditional.ts';
import type { ConditionalDatum } from '../policydb/policydb.ts';
import { type Build, lookUp } from './builder.ts';
import { resolveAvRule, resolveTypeRule } from './rules.ts';

/** How many truth values may wait on the stack (COND_EXPR_MAXDEPTH). */
export const conditionDepthMax = 10;

/** libsepol swaps the sides twice at most; with an empty first side it has done so once. */
const negationsMax = 2;
/** Of more than so many, libsepol drops one without swapping the sides: seen in its answers, release 3.4. */
const negationsKept = 3;

/**
 * `if`. Blocks with the same expression are one conditional, and a `!` around the whole of it swaps the sides, as in
 * libsepol (cond_normalize_expr): which rules may stand beside which depends on it. A block over tunables alone is
 * settled here.
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
    } else {
      settle(build, statement, evaluateCondition(steps, build.db.booleanDefaults));
    }
    return;
  }
  if (statement.then.length + statement.else.length === 0) return;
  let end = steps.length;
  const inverted = statement.then.length === 0 ? 1 : 0;
  while (steps[end - 1] === 'not' && steps.length - end + inverted < negationsMax) end--;
  const upsideDown = negations(steps) + inverted > negationsKept;
  if (upsideDown) {
    build.report.warn(statement, 'the condition is taken with one `!` fewer than it has, as libsepol does', {
      hint: 'write one `!` at most before the whole of it',
    });
  }
  const swapped = ((steps.length - end) % 2 === 1) !== upsideDown;
  const conditional = conditionalOf(build, statement, { steps: steps.slice(0, end) });
  for (const rule of statement.then) addRule(build, rule, conditional * 2 + (swapped ? 1 : 0));
  for (const rule of statement.else) addRule(build, rule, conditional * 2 + (swapped ? 0 : 1));
}

/** Takes one side as if it stood outside; the names in the other one must be right all the same. */
function settle(build: Build, statement: Conditional, isTrue: boolean): void {
  const { dry } = build;
  for (const side of [statement.then, statement.else]) {
    build.dry = dry || (side === statement.then) !== isTrue;
    for (const rule of side) addRule(build, rule, UNCONDITIONAL);
  }
  build.dry = dry;
}

/** How many `!` stand before the whole expression. */
function negations(steps: ConditionalDatum['steps']): number {
  let count = 0;
  while (steps[steps.length - 1 - count] === 'not') count++;
  return count;
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

/** The number of the conditional, the one that is there if libsepol takes it for the same. */
function conditionalOf(build: Build, statement: Conditional, datum: ConditionalDatum): number {
  const { key, meaning } = conditionKey(datum);
  const { conditionals } = build.pending;
  const known = conditionals.get(key);
  if (known === undefined) {
    const made = build.db.conditionals.push(datum) - 1;
    conditionals.set(key, { conditional: made, meaning });
    return made;
  }
  if (known.meaning !== meaning) {
    build.report.warn(statement, 'the condition is taken for an earlier one that means something else', {
      hint: 'write the booleans of both in the same order',
    });
  }
  return known.conditional;
}

/**
 * Up to five booleans are compared by their truth table, more by their text. libsepol's table has the booleans in the
 * order they appear, and yet it compares the booleans without their order (cond_expr_equal), so that `a && !b` and
 * `b && !a` are one condition to it. `meaning` is the table in the order of the booleans.
 */
function conditionKey({ steps }: ConditionalDatum): { key: string; meaning: string } {
  const order = [...new Set(steps.filter((step) => typeof step === 'number'))];
  if (order.length > 5) return { key: steps.join(' '), meaning: '' };
  const sorted = order.toSorted((a, b) => a - b);
  return { key: `${sorted.join(' ')} ${truthTable(steps, order)}`, meaning: truthTable(steps, sorted) };
}

function truthTable(steps: ConditionalDatum['steps'], order: readonly number[]): string {
  let table = '';
  for (let row = 0; row < 1 << order.length; row++) {
    const values: boolean[] = [];
    order.forEach((boolean, bit) => {
      values[boolean] = (row & (1 << bit)) !== 0;
    });
    table += evaluateCondition(steps, values) ? '1' : '0';
  }
  return table;
}
