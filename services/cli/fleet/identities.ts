import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { schedulerName } from '../../../shared/messages/job.ts';
import { type Authority, createAuthority, loadAuthority, saveAuthority } from '../../../shared/pki/authority.ts';
import { createIdentity, saveIdentity } from '../../../shared/pki/identity.ts';
import type { Role } from '../../../shared/pki/principal.ts';
import { type FleetLayout, fleetClients, fleetHosts, hostAddress } from './layout.ts';

const lifetimeMs = 365 * 24 * 3600_000;

/** Makes the authority of a fleet and the identity of every member, where they are not there yet. */
export async function makeIdentities(layout: FleetLayout, fleet: string, nowMs: number): Promise<void> {
  const wanted: { directory: string; role: Role; name: string }[] = [
    ...fleetHosts.map(({ name }) => ({ directory: layout.host(name).identity, role: 'host' as const, name })),
    ...fleetClients.map(({ name }) => ({ directory: layout.client(name).identity, role: 'client' as const, name })),
    { directory: layout.scheduler.identity, role: 'service', name: schedulerName },
  ];
  const missing = wanted.filter(({ directory }) => !existsSync(join(directory, 'certificate.pem')));
  if (missing.length === 0) return;
  const authority = await theAuthority(layout, fleet, nowMs);
  await Promise.all(
    missing.map(async ({ directory, role, name }) => {
      const addresses = role === 'host' ? [name, 'localhost', hostAddress] : [];
      await saveIdentity(directory, await createIdentity(authority, { role, name, nowMs, lifetimeMs, addresses }));
    }),
  );
}

async function theAuthority(layout: FleetLayout, fleet: string, nowMs: number): Promise<Authority> {
  if (existsSync(join(layout.authority, 'authority.pem'))) return loadAuthority(layout.authority);
  const authority = await createAuthority({ fleet, nowMs });
  await saveAuthority(layout.authority, authority);
  return authority;
}
