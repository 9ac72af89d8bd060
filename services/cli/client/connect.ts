import { randomBytes } from 'node:crypto';
import type { Bucket, Bus } from '../../../shared/bus/bus.ts';
import { connectNats } from '../../../shared/bus/nats.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { clientName, hostName } from '../../../shared/ids.ts';
import { silentLogger } from '../../../shared/log/logger.ts';
import { createEndpoint } from '../../../shared/messages/endpoint.ts';
import { openHostRecord, openOwnerRecord } from '../../../shared/messages/fleet-records.ts';
import { createSeenNonces } from '../../../shared/messages/frame.ts';
import { jobExchange, schedulerName } from '../../../shared/messages/job.ts';
import { buckets, type HostRecord } from '../../../shared/messages/record.ts';
import { requestExchange } from '../../../shared/messages/request.ts';
import { updateNotice } from '../../../shared/messages/view.ts';
import { type Identity, loadIdentity } from '../../../shared/pki/identity.ts';
import { createTrust, type Trust } from '../../../shared/pki/trust.ts';
import { check } from '../../../shared/schema/schema.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import type { Io } from '../io.ts';
import type { GlobalOptions } from '../session.ts';
import type { Client } from './client.ts';
import { findClientFile, readClientConfig } from './config.ts';

/** Connects as the client the options name. CONFIG_INVALID, BUS_UNREACHABLE. */
export async function connectClient(io: Pick<Io, 'env'>, options: GlobalOptions): Promise<Client> {
  const file = findClientFile(options, io.env);
  const config = await readClientConfig(file);
  const identity = await loadIdentity(config.identity);
  if (identity.role !== 'client') {
    throw new BrokerError(
      'CONFIG_INVALID',
      `${config.identity} is the identity of a ${identity.role}, not of a client`,
    );
  }
  const name = `carnet-${identity.name}`;
  const bus = await connectNats({ servers: config.bus.servers, name, inboxPrefix: `_INBOX_${identity.name}` });
  return clientOver(bus, identity);
}

/** A client over a bus that is connected already; closing it closes the bus. */
export function clientOver(bus: Bus, identity: Identity): Client {
  const trust = createTrust({ authorityCertificatePem: identity.authorityCertificatePem, clock: systemClock });
  const endpoint = createEndpoint({
    bus,
    identity,
    trust,
    clock: systemClock,
    random: randomBytes,
    seen: createSeenNonces(),
    log: silentLogger,
  });
  const named = check(clientName, identity.name);
  if (!named.ok) throw new BrokerError('CONFIG_INVALID', `\`${identity.name}\` is not the name of a client`);
  return {
    name: named.value,
    ask: async (host, request) => (await endpoint.ask(requestExchange, { role: 'host', name: host }, request)).answer,
    askScheduler: async (ask) =>
      (await endpoint.ask(jobExchange, { role: 'service', name: schedulerName }, ask)).answer,
    async hosts() {
      const bucket = await bus.bucket(buckets.hosts);
      const names = (await bucket.keys()).sort();
      const records = await Promise.all(names.map((name) => readHost(bucket, name, trust)));
      return records.filter((record) => record !== undefined);
    },
    async owner(vm) {
      const entry = await (await bus.bucket(buckets.owners)).get(vm);
      return entry === undefined ? undefined : openOwnerRecord(vm, entry, trust);
    },
    onUpdate(callback) {
      const subscription = endpoint.subscribe(updateNotice, (view, { sender }) => {
        const host = check(hostName, sender.name);
        if (sender.role === 'host' && host.ok) callback(view, host.value);
      });
      return () => subscription.stop();
    },
    close: () => bus.close(),
  };
}

/** A host's own word about itself. Records that are not are left out: nobody is asked because of them. */
async function readHost(bucket: Bucket, key: string, trust: Trust): Promise<HostRecord | undefined> {
  const name = check(hostName, key);
  const entry = await bucket.get(key);
  if (entry === undefined || !name.ok) return undefined;
  try {
    return openHostRecord(name.value, entry, trust);
  } catch (error) {
    if (error instanceof BrokerError) return undefined;
    throw error;
  }
}
