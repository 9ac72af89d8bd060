import type { Policy } from '../../../policy/policy.ts';
import type { MigrationLimits } from '../../../services/broker/config.ts';
import { createMemoryHub } from '../../../shared/bus/memory.ts';
import { createTestEndpoint, wakefulClock } from '../bus.ts';
import type { TestFleet } from '../pki.ts';
import { createWire } from './fake-vmm.ts';
import { createTestClient, createTestHost } from './host.ts';

/** One bus for hosts and clients of a fleet, and a wire between the QEMUs of those hosts. */
export function openOneBus(by: { readonly fleet: TestFleet; readonly directory: string; readonly policy: Policy }) {
  const hub = createMemoryHub(wakefulClock);
  const wire = createWire();
  return {
    hub,
    /** A host; opened again under its name it has what it had on disk. */
    host: (name: string, migrations: Partial<MigrationLimits> = {}) =>
      createTestHost({ ...by, name, hub, wire, migrations }),
    async client(name: string) {
      return createTestClient(
        await createTestEndpoint(by.fleet, hub.member(), 'client', name, { clock: wakefulClock }),
      );
    },
  };
}
