import type { Context } from '../policydb/context.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { parseContext, parseRange } from './context-text.ts';

/** How many context texts, and how many texts of ranges, are remembered parsed; when full, all are forgotten. */
const contextsMax = 4096;
const rangesMax = 512;

/** Reads contexts of the policy. Most texts come again and again, and those that are new mostly have a range that is not. */
export function rememberContexts(db: Policydb): (text: string) => Context | undefined {
  const { mls } = db;
  const rangeOf = remember(rangesMax, (text) => (mls === undefined ? undefined : parseRange(mls, text)));
  return remember(contextsMax, (text) => parseContext(db, text, rangeOf));
}

function remember<T>(max: number, read: (text: string) => T | undefined): (text: string) => T | undefined {
  const known = new Map<string, T | undefined>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined || known.has(text)) return found;
    if (known.size >= max) known.clear();
    const value = read(text);
    known.set(text, value);
    return value;
  };
}
