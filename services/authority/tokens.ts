import { BrokerError } from '../../shared/errors/broker-error.ts';
import { type EnrolToken, secretBytes } from '../../shared/messages/enrol-form.ts';
import type { Authority } from '../../shared/pki/authority.ts';
import { describePrincipal, type Principal, principal } from '../../shared/pki/principal.ts';
import { check } from '../../shared/schema/schema.ts';
import type { Records } from './records.ts';

const tokensMax = 1000;
const dayMs = 86_400_000;

export interface TokenOptions {
  readonly holder: Principal;
  /** What a host is reached under. It is decided here, not by whoever enrols. */
  readonly addresses: readonly string[];
  readonly nowMs: number;
  readonly lifetimeMs: number;
  readonly certificateLifetimeMs: number;
}

/** Makes a token and keeps it. USAGE_INVALID for a name that has another role, or where too many tokens are open. */
export function createToken(
  records: Records,
  authority: Authority,
  options: TokenOptions,
  random: (bytes: number) => Uint8Array,
): EnrolToken {
  const holder = check(principal, options.holder);
  if (!holder.ok) throw new BrokerError('USAGE_INVALID', holder.problems.join('; '));
  const token: EnrolToken = {
    id: Buffer.from(random(8)).toString('hex'),
    secret: random(secretBytes),
    authorityFingerprint: authority.fingerprint,
  };
  records.transaction(() => {
    removeExpired(records, options.nowMs);
    if (records.tokens.count() >= tokensMax) {
      throw new BrokerError('USAGE_INVALID', `there are ${tokensMax} open tokens already`);
    }
    claimName(records, holder.value);
    records.tokens.put(token.id, {
      id: token.id,
      secret: token.secret,
      holder: holder.value,
      addresses: [...options.addresses],
      certificateLifetimeMs: options.certificateLifetimeMs,
      expiresAtMs: options.nowMs + options.lifetimeMs,
      used: null,
    });
  });
  return token;
}

/**
 * Gives a name to a role, for good: subjects on the bus carry names alone, so `alpha` the client must never read what is for
 * `alpha` the host. Within a transaction. USAGE_INVALID where it is another role's.
 */
export function claimName(records: Records, { role, name }: Principal): void {
  const known = records.holders.get(name);
  if (known === undefined) records.holders.put(name, { name, role, fingerprint: null, notAfterMs: 0 });
  else if (known.role !== role) {
    throw new BrokerError('USAGE_INVALID', `the name is taken by ${describePrincipal(known)}`, {
      hint: 'names are of one role in a fleet; choose another',
    });
  }
}

/** Tokens stay known for a day after they are over, so that whoever comes late is told why. */
function removeExpired(records: Records, nowMs: number): void {
  for (const { key, value } of records.tokens.entries()) {
    if (value.expiresAtMs + dayMs < nowMs) records.tokens.remove(key);
  }
}
