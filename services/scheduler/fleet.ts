import type { Bucket } from '../../shared/bus/bus.ts';
import { BrokerError, faultOf } from '../../shared/errors/broker-error.ts';
import type { ClientName } from '../../shared/ids.ts';
import { createEndpoint, type EndpointDependencies } from '../../shared/messages/endpoint.ts';
import { openOwnerRecord } from '../../shared/messages/fleet-records.ts';
import { requestExchange } from '../../shared/messages/request.ts';
import type { Identity } from '../../shared/pki/identity.ts';
import type { Fleet } from './ports.ts';

export interface FleetDependencies extends Omit<EndpointDependencies, 'identity'> {
  readonly owners: Bucket;
  /** The identity of a client, as the configuration says; nothing for a client this scheduler may not act for. */
  readonly identityOf: (client: ClientName) => Promise<Identity | undefined>;
}

/** The fleet over the bus. Identities are read at each use, so that a renewed one is taken without a restart. */
export function createFleet(by: FleetDependencies): Fleet {
  return {
    async actAs(client) {
      const identity = await identityFor(client, by);
      const endpoint = createEndpoint({ ...by, identity });
      return {
        ask: async (host, request) =>
          (await endpoint.ask(requestExchange, { role: 'host', name: host }, request)).answer,
      };
    },

    async owner(vm) {
      const entry = await by.owners.get(vm);
      if (entry === undefined) return undefined;
      return openOwnerRecord(vm, entry, by.trust);
    },
  };
}

async function identityFor(client: ClientName, { identityOf, trust }: FleetDependencies): Promise<Identity> {
  const unknown = (why: string, cause?: unknown) =>
    new BrokerError('IDENTITY_UNKNOWN', `this scheduler cannot act for ${client}: ${why}`, {
      cause,
      hint: `its configuration names the folders of those it acts for: give it certificate.pem, key.pem and authority.pem of ${client}`,
    });
  let identity: Identity | undefined;
  try {
    identity = await identityOf(client);
  } catch (cause) {
    // What cannot be read, and where, is for the scheduler's log and not for its clients.
    throw unknown('its identity cannot be read', cause);
  }
  if (identity === undefined) throw unknown('it holds no identity of that client');
  try {
    trust.verify(identity.certificateDer);
  } catch (cause) {
    throw unknown(faultOf(cause).message, cause);
  }
  if (identity.role !== 'client' || identity.name !== client) {
    throw unknown(`the identity it holds is that of ${identity.role} ${identity.name}`);
  }
  return identity;
}
