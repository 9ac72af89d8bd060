import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Policy } from '../../../policy/policy.ts';
import type { MigrationLimits } from '../../../services/broker/config.ts';
import { startCore } from '../../../services/broker/core.ts';
import type { World } from '../../../services/broker/effects/world.ts';
import { createGate } from '../../../services/broker/gate/gate.ts';
import { createOwnership } from '../../../services/broker/ownership/records.ts';
import { createPeers } from '../../../services/broker/peers/ask-peers.ts';
import { openRequestBy } from '../../../services/broker/peers/client-request.ts';
import type { Runner } from '../../../services/broker/runtime/runner.ts';
import { createOneOffKey } from '../../../services/broker/transport/transfer-keys.ts';
import type { MemoryHub } from '../../../shared/bus/memory.ts';
import type { HostName } from '../../../shared/ids.ts';
import { silentLogger } from '../../../shared/log/logger.ts';
import { createEndpoint, type Endpoint } from '../../../shared/messages/endpoint.ts';
import { createStoredSeenNonces, type SeenNonces } from '../../../shared/messages/frame.ts';
import { buckets } from '../../../shared/messages/record.ts';
import { type Request, requestExchange } from '../../../shared/messages/request.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import { openStore } from '../../../shared/store/store.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { wakefulClock as clock } from '../bus.ts';
import { contexts } from '../gate/asks.ts';
import type { TestFleet } from '../pki.ts';
import { hostId } from '../values.ts';
import { createFakeCheckpoints, createFakeImages, type FakeCheckpoints, type FakeImages } from './fake-storage.ts';
import { createFakeVmm, type FakeVmm, type FakeWire } from './fake-vmm.ts';

const migrationDefaults: MigrationLimits = {
  outboundMax: 2,
  inboundMax: 2,
  queueMax: 100,
  postcopy: true,
  checkpointMinutesMax: 60,
};

/** A broker whose hypervisor and storage are fakes, and everything else is real: policy, messages, journal, ownership. */
export interface TestHost {
  readonly world: World;
  readonly runner: Runner;
  readonly vmm: FakeVmm;
  readonly images: FakeImages;
  readonly checkpoints: FakeCheckpoints;
  readonly endpoint: Endpoint;
  readonly seen: SeenNonces;
  /** Every decision this host took, before its effect. */
  readonly decisions: Decision[];
  /** The policy in force; a test may set another one at any moment. */
  policy: Policy;
  /** The other hosts it knows; none unless a test says so. */
  others: HostName[];
  close(): Promise<void>;
}

export async function createTestHost(options: {
  readonly name: string;
  readonly fleet: TestFleet;
  readonly hub: MemoryHub;
  readonly wire: FakeWire;
  readonly directory: string;
  readonly policy: Policy;
  readonly migrations?: Partial<MigrationLimits>;
}): Promise<TestHost> {
  const { name, fleet, hub, wire, directory } = options;
  const host = hostId(name);
  const identity = await fleet.identity('host', name);
  const trust = fleet.trust(clock);
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
  const bus = hub.member();
  const store = openStore(join(directory, name));
  const seen = createStoredSeenNonces(store);
  const log = silentLogger;
  const endpoint = createEndpoint({ bus, identity, trust, clock, random, seen, log });
  const calls: string[] = [];
  const decisions: Decision[] = [];
  const vmm = createFakeVmm(wire, calls);
  const images = createFakeImages({ disk: contexts.disk, kernel: contexts.kernel, initrd: contexts.kernel }, calls);
  const checkpoints = createFakeCheckpoints(calls);
  const audit = { write: async (decision: Decision) => void decisions.push(decision) };
  const self = { policy: options.policy, others: [] as HostName[] };
  const gate = createGate({
    policy: () => self.policy,
    host,
    hostLabel: contexts.broker,
    storeLabel: contexts.store,
    confined: () => true,
    mustConfine: true,
    enforcing: true,
    clock,
    audit,
  });
  const contextsOf: Record<string, (typeof contexts)[keyof typeof contexts]> = {
    'client operator': contexts.operator,
    'client monitor': contexts.monitor,
    'client intruder': contexts.intruder,
    'host alpha': contexts.peer,
    'host beta': contexts.peer,
    'host gamma': contexts.peer,
  };
  const core = await startCore({
    host,
    address: '127.0.0.1',
    clock,
    random,
    log,
    vmm,
    store,
    endpoint,
    seen,
    images,
    checkpoints,
    gate,
    oneOffKey: createOneOffKey,
    freeMemoryMiB: () => 4096,
    migrations: { ...migrationDefaults, ...options.migrations },
    policyDigest: () => self.policy.digest,
    identities: { contextOf: (role, who) => contextsOf[`${role} ${who}`] },
    ownership: createOwnership({ bucket: await bus.bucket(buckets.owners), identity, trust, clock }),
    peers: createPeers(endpoint, async () => self.others),
    openRequest: openRequestBy({ trust, clock }),
    hostView: () => ({
      host,
      context: contexts.broker,
      policyDigest: self.policy.digest,
      policySeqno: 1,
      enforcing: true,
      confined: true,
      accelerators: ['tcg'],
      qemuVersion: '7.2.0',
    }),
    tell: () => {},
    fatal(error) {
      throw error;
    },
  });
  const { world, runner } = core;
  return Object.assign(self, {
    world,
    runner,
    vmm,
    images,
    checkpoints,
    endpoint,
    seen,
    decisions,
    async close() {
      await core.close();
      await bus.close();
      await store.close();
    },
  });
}

/** A client that asks hosts and waits for what it began to end. */
export function createTestClient(endpoint: Endpoint) {
  const ask = async (host: string, request: Request) =>
    (await endpoint.ask(requestExchange, { role: 'host', name: host }, request)).answer;
  return {
    ask,
    /** Begins an operation on a host and answers with its view when it has ended. */
    async finish(host: TestHost, request: Request): Promise<OperationView> {
      const answer = await ask(host.world.host, request);
      if (answer.is !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
      return host.runner.settled(
        answer.operation,
        () => {
          const view = host.runner.view(answer.operation);
          return view?.endedAtMs == null ? undefined : view;
        },
        20_000,
      );
    },
  };
}
export type TestClient = ReturnType<typeof createTestClient>;
