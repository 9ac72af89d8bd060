import type { ConditionalDatum } from './policydb.ts';

/** The truth of a condition under the values of the booleans. */
export function evaluateCondition(steps: ConditionalDatum['steps'], values: readonly boolean[]): boolean {
  const stack: boolean[] = [];
  for (const step of steps) {
    if (typeof step === 'number') {
      stack.push(values[step] === true);
      continue;
    }
    const right = stack.pop() === true;
    if (step === 'not') {
      stack.push(!right);
      continue;
    }
    const left = stack.pop() === true;
    if (step === 'and') stack.push(left && right);
    else if (step === 'or') stack.push(left || right);
    else stack.push(step === 'eq' ? left === right : left !== right);
  }
  return stack.pop() === true;
}
