import { BrokerError } from '../errors/broker-error.ts';

/** Whether a subscription's pattern covers a subject: `*` is one token, a last `>` is one or more. */
export function matchesSubject(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return tokens.length > i;
    if (tokens[i] === undefined || (token !== '*' && token !== tokens[i])) return false;
  }
  return tokens.length === wanted.length;
}

/** Refuses what is not a subject, with USAGE_INVALID. Wildcards are for subscriptions. */
export function requireSubject(subject: string, wildcards = false): void {
  const tokens = subject.split('.');
  const isToken = (token: string, i: number) =>
    /^[^\s.*>]+$/.test(token) || (wildcards && (token === '*' || (token === '>' && i === tokens.length - 1)));
  if (subject.length > 255 || !tokens.every(isToken)) {
    throw new BrokerError('USAGE_INVALID', `\`${subject}\` is not a subject`);
  }
}

/** Refuses what is not a key of a bucket, with USAGE_INVALID. Source: the NATS key-value design, ADR-8. */
export function requireKey(key: string): void {
  if (key.length > 255 || !/^[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*$/.test(key)) {
    throw new BrokerError('USAGE_INVALID', `\`${key}\` is not a key`);
  }
}
