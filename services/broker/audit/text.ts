import { createHash } from 'node:crypto';

/*
 * How values stand in an audit record: as auditd writes them, so that ausearch and audit2allow read them back.
 */

const valueLengthMax = 1024;

/** A value that came from outside: in quotes, or as hex digits where it holds a quote, a space or anything not printable. */
export function untrusted(value: string): string {
  const bounded = bound(value);
  return /^[\x21\x23-\x7e]*$/.test(bounded)
    ? `"${bounded}"`
    : Buffer.from(bounded, 'utf8').toString('hex').toUpperCase();
}

/** A security context: bare, or as hex digits where it would not be one word. */
export function context(value: string): string {
  const bounded = bound(value);
  return /^[A-Za-z0-9_.,:-]+$/.test(bounded) ? bounded : Buffer.from(bounded, 'utf8').toString('hex').toUpperCase();
}

/** A value that is too long for a record is named by its digest: a line is never cut, and never grows without limit. */
function bound(value: string): string {
  return value.length <= valueLengthMax ? value : `sha256:${createHash('sha256').update(value).digest('hex')}`;
}
