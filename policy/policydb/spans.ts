import type { Policydb, StatementSpans } from './policydb.ts';

/**
 * Gives a database its spans from columns, whose other form is made when they are first asked for: only an explanation
 * needs them.
 */
export function withSpans(db: Omit<Policydb, 'spans'>, starts: ArrayLike<number>, ends: ArrayLike<number>): Policydb {
  let spans: StatementSpans | undefined;
  const get = (): StatementSpans => {
    spans ??= { starts: Array.from(starts), ends: Array.from(ends) };
    return spans;
  };
  return Object.defineProperty(db, 'spans', { get, enumerable: true }) as Policydb;
}
