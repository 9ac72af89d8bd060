import { createHash } from 'node:crypto';

/*
 * The form of an audit log. Every record names the SHA-256 of the line before it, so a line that is changed, removed, added
 * or moved shows in the one after it; the last one shows against the head, where somebody else has kept it.
 */

/** What the first record of a log names. */
export const genesis = '0'.repeat(64);

/** No line is longer, line feed included: auditd's own bound for a record. */
export const lineBytesMax = 8970;

/** The hash of a line, without its line feed. */
export const hashOfLine = (line: string | Uint8Array): string => createHash('sha256').update(line).digest('hex');

const serialAndChain =
  /^type=[A-Z_]+ msg=audit\((?<seconds>\d+)\.(?<ms>\d{3}):(?<serial>\d+)\): .* prev=(?<prev>[0-9a-f]{64})[ ']/;

/** The serial number and the hash that a line names, or undefined where it is not a record of this log. */
export function linkOf(line: string): { serial: number; prev: string } | undefined {
  const groups = serialAndChain.exec(line)?.groups;
  if (groups === undefined) return undefined;
  return { serial: Number(groups['serial']), prev: groups['prev'] ?? '' };
}

/** What opening a log after a crash leaves: it names the torn line before it. */
export const recoveredMark = 'op=carnet-audit-recovered';
