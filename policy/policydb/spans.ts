import type { Policydb, StatementSpans } from './policydb.ts';

/** Spans as columns. */
export interface SpanColumns {
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
}

/**
 * Gives a database its spans from columns, which are asked for and put in their other form when the spans are first
 * looked at: only an explanation needs them.
 */
export function withSpans(db: Omit<Policydb, 'spans'>, columns: () => SpanColumns): Policydb {
  let spans: StatementSpans | undefined;
  const get = (): StatementSpans => {
    if (spans === undefined) {
      const { starts, ends } = columns();
      spans = { starts: Array.from(starts), ends: Array.from(ends) };
    }
    return spans;
  };
  return Object.defineProperty(db, 'spans', { get, enumerable: true }) as Policydb;
}
