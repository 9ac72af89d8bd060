import { randomBytes } from 'node:crypto';
import { clientOver } from '../../../services/cli/client/connect.ts';
import type { Connect } from '../../../services/cli/session.ts';
import type { Bus } from '../../../shared/bus/bus.ts';
import { createMemoryHub } from '../../../shared/bus/memory.ts';
import { silentLogger } from '../../../shared/log/logger.ts';
import { createEndpoint, type Endpoint } from '../../../shared/messages/endpoint.ts';
import { createSeenNonces } from '../../../shared/messages/frame.ts';
import { buckets, type HostRecord, type OwnerRecord } from '../../../shared/messages/record.ts';
import { sealRecord } from '../../../shared/messages/record-seal.ts';
import { type Answer, type Request, requestExchange } from '../../../shared/messages/request.ts';
import { type OperationView, updateNotice } from '../../../shared/messages/view.ts';
import type { Identity } from '../../../shared/pki/identity.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { createTestFleet } from '../../support/pki.ts';
import { hostId, operationIdOf, vmId } from '../../support/values.ts';

/** Hosts that answer what a test says, on a bus in memory, their messages and records signed as real ones are. */
export interface FakeFleet {
  /** Adds a host. Without `answer` it has announced itself and never answers. */
  host(name: string, answer?: (request: Request) => Answer | Promise<Answer>): Promise<FakeHost>;
  /** Connects as the client `operator`. */
  readonly connect: Connect;
}
export interface FakeHost {
  readonly asked: readonly Request[];
  notify(view: OperationView): void;
  /** Writes the owner record of a VM; signed by another host where one is named. */
  owns(vm: string, signedBy?: string): Promise<void>;
}

const keys = createTestFleet('fake');

export async function createFakeFleet(): Promise<FakeFleet> {
  const hub = createMemoryHub();
  const fleet = await keys;
  const endpointOf = (bus: Bus, identity: Identity): Endpoint =>
    createEndpoint({
      bus,
      identity,
      trust: fleet.trust(),
      clock: systemClock,
      random: randomBytes,
      seen: createSeenNonces(),
      log: silentLogger,
    });
  const operator = await fleet.identity('client', 'operator');
  return {
    async host(name, answer) {
      const bus = hub.member();
      const identity = await fleet.identity('host', name);
      const endpoint = endpointOf(bus, identity);
      const asked: Request[] = [];
      if (answer !== undefined) {
        endpoint.serve(requestExchange, async (request) => {
          asked.push(request);
          return answer(request);
        });
      }
      const hosts = await bus.bucket(buckets.hosts);
      await hosts.create(name, sealRecord(identity, `host/${name}`, hostRecordOf(name), Date.now()));
      return {
        asked,
        notify: (view) => endpoint.notify(updateNotice, { role: 'client', name: 'operator' }, view),
        async owns(vm, signedBy = name) {
          const record: OwnerRecord = {
            vm: vmId(vm),
            owner: hostId(name),
            epoch: 3,
            running: true,
            operation: operationIdOf(9),
          };
          const signer = await fleet.identity('host', signedBy);
          const owners = await bus.bucket(buckets.owners);
          await owners.create(vm, sealRecord(signer, `owner/${vm}`, record, Date.now()));
        },
      };
    },
    connect: async () => clientOver(hub.member(), operator),
  };
}

const hostRecordOf = (name: string): HostRecord => ({
  host: hostId(name),
  address: '127.0.0.1',
  qemuVersion: '7.2.22',
  accelerators: ['tcg'],
  policyDigest: '0'.repeat(64),
  context: 'system_u:system_r:carnet_t:s0',
  startedAtMs: 1,
  confined: false,
});
