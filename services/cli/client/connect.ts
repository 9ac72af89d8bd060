import { randomBytes } from 'node:crypto';
import type { Bucket, Bus } from '../../../shared/bus/bus.ts';
import { connectNats } from '../../../shared/bus/nats.ts';
import { decode } from '../../../shared/codec/codec.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { clientName, hostName } from '../../../shared/ids.ts';
import { limits } from '../../../shared/limits.ts';
import { silentLogger } from '../../../shared/log/logger.ts';
import { createEndpoint } from '../../../shared/messages/endpoint.ts';
import { createSeenNonces } from '../../../shared/messages/frame.ts';
import { buckets, hostRecord, ownerRecord } from '../../../shared/messages/record.ts';
import { requestExchange } from '../../../shared/messages/request.ts';
import { updateNotice } from '../../../shared/messages/view.ts';
import { type Identity, loadIdentity } from '../../../shared/pki/identity.ts';
import { createTrust } from '../../../shared/pki/trust.ts';
import { check, type Schema } from '../../../shared/schema/schema.ts';
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
    async hosts() {
      const bucket = await bus.bucket(buckets.hosts);
      const names = (await bucket.keys()).sort();
      const records = await Promise.all(names.map((name) => readRecord(bucket, name, hostRecord)));
      return records.filter((record) => record !== undefined);
    },
    owner: async (vm) => readRecord(await bus.bucket(buckets.owners), vm, ownerRecord),
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

/**
 * Reads a record that says whom to ask. It decides nothing else here: the host that is asked answers in its own name, and
 * checks the record itself. A record that does not have its form is taken for none.
 */
async function readRecord<T>(bucket: Bucket, key: string, schema: Schema<T>): Promise<T | undefined> {
  const entry = await bucket.get(key);
  if (entry === undefined || entry.value.length > limits.frameBytes) return undefined;
  const checked = check(schema as Schema, decode(entry.value, limits.frameBytes));
  return checked.ok ? (checked.value as T) : undefined;
}
