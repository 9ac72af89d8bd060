import { type Authority, createAuthority } from '../../shared/pki/authority.ts';
import { createIdentity, type Identity } from '../../shared/pki/identity.ts';
import type { Role } from '../../shared/pki/principal.ts';
import { createTrust, type Trust } from '../../shared/pki/trust.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';

/** A fleet for tests: an authority, and identities made when they are first asked for. */
export interface TestFleet {
  readonly authority: Authority;
  identity(role: Role, name: string): Promise<Identity>;
  trust(clock?: Clock): Trust;
}

/** Keys cost a tenth of a second each: share one fleet within a test file. Certificates are good for a day around `nowMs`. */
export async function createTestFleet(fleet = 'test', nowMs = Date.now()): Promise<TestFleet> {
  const authority = await createAuthority({ fleet, nowMs });
  const identities = new Map<string, Promise<Identity>>();
  return {
    authority,
    identity(role, name) {
      const key = `${role}/${name}`;
      const known = identities.get(key) ?? createIdentity(authority, { role, name, nowMs, lifetimeMs: 86_400_000 });
      identities.set(key, known);
      return known;
    },
    trust: (clock = systemClock) => createTrust({ authorityCertificatePem: authority.certificatePem, clock }),
  };
}
