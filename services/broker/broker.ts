import { randomBytes } from 'node:crypto';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { connectNats } from '../../shared/bus/nats.ts';
import { BrokerError, faultOf } from '../../shared/errors/broker-error.ts';
import type { Logger } from '../../shared/log/logger.ts';
import { createEndpoint } from '../../shared/messages/endpoint.ts';
import { createStoredSeenNonces } from '../../shared/messages/frame.ts';
import { buckets, type HostRecord } from '../../shared/messages/record.ts';
import { sealRecord } from '../../shared/messages/record-seal.ts';
import { loadIdentity } from '../../shared/pki/identity.ts';
import { createTrust } from '../../shared/pki/trust.ts';
import { openStore } from '../../shared/store/store.ts';
import { systemClock as clock } from '../../shared/time/clock.ts';
import { openAuditLog } from './audit/log.ts';
import { openCheckpoints } from './checkpoints/checkpoints.ts';
import type { BrokerConfig } from './config.ts';
import { startCore } from './core.ts';
import { createGate } from './gate/gate.ts';
import { openPolicy } from './gate/open-policy.ts';
import { readIdentities } from './identities/identities.ts';
import { createImages } from './images/images.ts';
import { createOwnership } from './ownership/records.ts';
import { createPeers } from './peers/ask-peers.ts';
import { openRequestBy } from './peers/client-request.ts';
import { createKnownHosts } from './peers/known-hosts.ts';
import { createTeller } from './requests/tell-clients.ts';
import { createJournal } from './runtime/journal.ts';
import { stoppingAfter } from './runtime/stop-after.ts';
import { createOneOffKey } from './transport/transfer-keys.ts';
import { createQemu } from './vmm/qemu/qemu.ts';

/** A broker that serves. */
export interface Broker {
  /** Loads the policy file again; a policy that does not parse leaves the old one in force and is reported. */
  reloadPolicy(): Promise<void>;
  /** Stops serving and closes everything. QEMUs run on. */
  close(): Promise<void>;
}

/** Puts a broker together from its configuration: every port gets its adapter here and nowhere else. */
export async function startBroker(
  config: BrokerConfig,
  log: Logger,
  fatal: (error: unknown) => never,
): Promise<Broker> {
  const { host, address } = config;
  const identity = await loadIdentity(config.identity);
  if (identity.role !== 'host' || identity.name !== host) {
    throw new BrokerError(
      'CONFIG_INVALID',
      `the certificate is ${identity.role} ${identity.name}'s, not host ${host}'s`,
    );
  }
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
  const trust = createTrust({ authorityCertificatePem: identity.authorityCertificatePem, clock });
  const store = openStore(config.state);
  const seen = createStoredSeenNonces(store);

  const audit = await openAuditLog({ path: join(config.logs, 'audit.log'), subject: config.context, clock });
  const { holder, holdsProcesses } = openPolicy({
    file: config.policy.file,
    cacheDirectory: join(config.state, 'policy'),
    onLoad: audit.policyLoaded,
  });
  const loaded = await holder.reload();
  if (!loaded.ok) throw loaded.error;

  const vmm = await createQemu({ runDir: config.run, logDir: config.logs, clock });
  if (!vmm.confined) log.warn('no SELinux here: VMs are confined by the decisions alone, their processes are not');
  const confined = () => vmm.confined && holdsProcesses();
  const bus = await connectNats({ servers: config.bus.servers, name: host, inboxPrefix: `_INBOX_${host}` });
  bus.onStatus((status) => log.warn('bus', { is: status.is, detail: 'detail' in status ? status.detail : null }));
  const endpoint = createEndpoint({ bus, identity, trust, clock, random, seen, log });

  const { replicas } = config.bus;
  const owners = await bus.bucket(buckets.owners, { replicas });
  const hosts = await bus.bucket(buckets.hosts, { replicas });
  const known = await createKnownHosts({ bucket: hosts, store, trust, clock, self: host });
  const core = await startCore({
    host,
    address,
    clock,
    random,
    log,
    vmm,
    store,
    endpoint,
    seen,
    hostView,
    fatal,
    oneOffKey: createOneOffKey,
    freeMemoryMiB: () => Math.floor(freemem() / 1024 ** 2),
    migrations: config.migrations,
    images: await createImages(config.pool),
    checkpoints: await openCheckpoints({
      directory: config.checkpoints.directory,
      run: config.run,
      host,
      identity,
      trust,
      clock,
    }),
    gate: createGate({
      policy: holder.current,
      host,
      hostLabel: config.context,
      storeLabel: config.checkpoints.context,
      confined,
      mustConfine: config.policy.mustConfine,
      enforcing: config.policy.enforcing,
      clock,
      audit,
    }),
    policyDigest: () => holder.current()?.digest ?? '',
    identities: await readIdentities(config.identities, holder.current()),
    ownership: createOwnership({ bucket: owners, identity, trust, clock }),
    peers: createPeers(endpoint, known.others),
    openRequest: openRequestBy({ trust, clock }),
    tell: createTeller({ endpoint, clock, log }),
    journal: (opened) =>
      stoppingAfter(createJournal(opened), process.env['CARNET_STOP_AFTER'], () =>
        process.kill(process.pid, 'SIGSTOP'),
      ),
  });
  await putRecord();
  await bus.flush();
  log.info('serving', { host, qemu: vmm.qemuVersion, policy: holder.current()?.digest ?? '' });

  function hostView() {
    const policy = holder.current();
    return {
      host,
      context: config.context,
      policyDigest: policy?.digest ?? '',
      policySeqno: policy?.seqno ?? 0,
      enforcing: config.policy.enforcing,
      confined: confined(),
      accelerators: [...vmm.accelerators],
      qemuVersion: vmm.qemuVersion,
    };
  }

  async function putRecord(): Promise<void> {
    const { context, policyDigest, confined, accelerators, qemuVersion } = hostView();
    const record: HostRecord = {
      host,
      address,
      context,
      policyDigest,
      confined,
      accelerators,
      qemuVersion,
      startedAtMs: clock.nowMs(),
    };
    const value = sealRecord(identity, `host/${host}`, record, clock.nowMs());
    const existing = await hosts.get(host);
    await (existing === undefined ? hosts.create(host, value) : hosts.update(host, value, existing.revision));
  }

  return {
    async reloadPolicy() {
      const outcome = await holder.reload();
      if (!outcome.ok) {
        log.error('the new policy was not taken, the old one stays in force', { fault: faultOf(outcome.error) });
        return;
      }
      log.info('policy reloaded', { seqno: outcome.policy.seqno, digest: outcome.policy.digest });
      // The record only tells others; the policy is in force whether it can be told or not.
      await putRecord().catch((error: unknown) =>
        log.warn('the host record could not be written', { fault: faultOf(error) }),
      );
    },
    async close() {
      await core.close();
      known.stop();
      vmm.release();
      await bus.close();
      await audit.close();
      await store.close();
    },
  };
}
