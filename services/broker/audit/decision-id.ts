import { createHash } from 'node:crypto';
import type { Decision } from '../../../shared/vm/decision.ts';

/**
 * The id of a decision: the first half of the SHA-256 over its JSON with sorted keys, so that a decision that travelled in a
 * message finds its records again, and a changed one finds none.
 */
export function decisionId(decision: Decision): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(decision)))
    .digest('hex')
    .slice(0, 32);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
