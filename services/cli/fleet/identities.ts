import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { schedulerName } from '../../../shared/messages/job.ts';
import type { Principal } from '../../../shared/pki/principal.ts';
import { busServer } from './bus.ts';
import { type FleetLayout, fleetClients, fleetHosts } from './layout.ts';

/** Somebody of a fleet who has a certificate, and the folder it is kept in. */
export interface Member extends Principal {
  readonly directory: string;
}

/** Every member of a fleet, with and without an identity. */
export function membersOf(layout: FleetLayout): {
  readonly enrolled: readonly Member[];
  readonly missing: readonly Member[];
} {
  const all: readonly Member[] = [
    ...fleetHosts.map(({ name }) => ({ role: 'host' as const, name, directory: layout.host(name).identity })),
    ...fleetClients.map(({ name }) => ({ role: 'client' as const, name, directory: layout.client(name).identity })),
    { role: 'service', name: schedulerName, directory: layout.scheduler.identity },
  ];
  const isEnrolled = ({ directory }: Member) => existsSync(join(directory, 'certificate.pem'));
  return { enrolled: all.filter(isEnrolled), missing: all.filter((member) => !isEnrolled(member)) };
}

/**
 * Enrols members over the bus, as on hosts of their own: each makes its key, and trades its token for a certificate. The
 * authority has to serve.
 */
export async function enrolMembers(
  busPort: number,
  members: readonly Member[],
  tokens: readonly string[],
): Promise<void> {
  const [{ connectNats }, { enrol }, { saveIdentity }] = await Promise.all([
    import('../../../shared/bus/nats.ts'),
    import('../../../shared/messages/enrol.ts'),
    import('../../../shared/pki/identity.ts'),
  ]);
  const bus = await connectNats({ servers: [busServer(busPort)], name: 'carnet-enrol' });
  try {
    await Promise.all(
      members.map(async ({ role, name, directory }, at) =>
        saveIdentity(directory, await enrol(bus, tokens[at] ?? '', role, name)),
      ),
    );
  } finally {
    await bus.close();
  }
}
