import type { BooleanExpression } from '../language/ast-expressions.ts';
import { printCondition } from '../language/print-expression.ts';
import { evaluateCondition } from '../policydb/conditional.ts';
import type { State } from './state.ts';

/** Ways to turn a branch on are looked for up to this many booleans in its condition: there are 2^n to try. */
const booleansTriedMax = 12;
/** The most ways that are named. */
const waysMax = 8;

/** When a branch is on: its condition as text, and the fewest booleans that turn it on, one way each. */
export function conditionOf(
  state: State,
  branch: number,
): { condition: string; switches: Readonly<Record<string, boolean>>[] } {
  const { db, booleans } = state;
  const steps = db.conditionals[branch >> 1]?.steps ?? [];
  const wanted = (branch & 1) === 0;
  const nameOf = (boolean: number): string => db.booleans.names[boolean] ?? '';
  const terms: BooleanExpression = steps.map((op) =>
    typeof op === 'number' ? { op: 'bool', name: nameOf(op) } : { op },
  );
  const condition = printCondition(wanted ? terms : [...terms, { op: 'not' }]);
  const used = [...new Set(steps.filter((step) => typeof step === 'number'))];
  if (used.length > booleansTriedMax) return { condition, switches: [] };
  let ways: number[] = [];
  for (let flipped = 1; flipped < 1 << used.length; flipped++) {
    const least = ways[0];
    if (least !== undefined && countBits(flipped) > countBits(least)) continue;
    const values = [...booleans];
    used.forEach((boolean, index) => {
      if ((flipped & (1 << index)) !== 0) values[boolean] = booleans[boolean] !== true;
    });
    if (evaluateCondition(steps, values) !== wanted) continue;
    if (least !== undefined && countBits(flipped) < countBits(least)) ways = [];
    ways.push(flipped);
  }
  const switches = ways.slice(0, waysMax).map((flipped) => {
    const chosen = used.filter((_, index) => (flipped & (1 << index)) !== 0);
    return Object.fromEntries(chosen.map((boolean) => [nameOf(boolean), booleans[boolean] !== true]));
  });
  return { condition, switches };
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
