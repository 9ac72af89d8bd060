import type { MigrationLimits } from '../../services/broker/config.ts';
import { type Core, type CorePorts, startCore } from '../../services/broker/core.ts';
import { createPeers } from '../../services/broker/peers/ask-peers.ts';
import { type OpenRequest, waitMsOf } from '../../services/broker/peers/client-request.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import type { ClientName } from '../../shared/ids.ts';
import { createStoredSeenNonces } from '../../shared/messages/frame.ts';
import type { Request } from '../../shared/messages/request.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { hostId, labelOf } from '../support/values.ts';
import { type Chances, createChances, type Life } from './chances.ts';
import { createDisk, type Disk } from './disk.ts';
import type { Fleet } from './fleet.ts';
import type { Member } from './network.ts';
import { createPolicy, createSimGate, policyDigest, type SimPolicy } from './policy.ts';
import { createSimCheckpoints, createSimImages } from './storage.ts';

/** A host: its disk, its QEMUs and its policy outlast its brokers. */
export interface SimHost {
  readonly name: string;
  readonly disk: Disk;
  readonly policy: SimPolicy;
  readonly migrations: MigrationLimits;
  /** What its clock is off by, in ms. */
  clockOffMs: number;
  broker: SimBroker | undefined;
}

/** One life of a broker. */
export interface SimBroker extends Member {
  readonly life: Life;
  core: Core | undefined;
  /** Image descriptors it holds open. */
  openImages(): number;
}

export function createHost(name: string, migrations: MigrationLimits, flushIsAwaited: boolean): SimHost {
  const disk = createDisk({ flushIsAwaited });
  return { name, disk, policy: createPolicy(), migrations, clockOffMs: 0, broker: undefined };
}

const clientLabel = labelOf('user_u:user_r:user_t:s0');
const peerLabel = labelOf('system_u:system_r:peer_t:s0');

/** Starts the broker of a host: the product's own, over ports of this simulation. */
export function startBroker(fleet: Fleet, host: SimHost): void {
  const { time, random, pace, network, log } = fleet;
  const life: Life = { up: true };
  const chances: Chances = createChances(life, time, random, pace);
  const images = createSimImages(chances);
  const broker: SimBroker = {
    life,
    self: { role: 'host', name: host.name },
    handlers: new Map(),
    core: undefined,
    openImages: () => images.held,
  };
  host.broker = broker;
  const clock: Clock = {
    nowMs: () => time.nowMs() + host.clockOffMs,
    after: (delayMs, callback) =>
      time.after(delayMs, () => {
        if (life.up) callback();
      }),
  };
  const store = host.disk.open(chances);
  const endpoint = network.endpoint(broker);
  // A full disk does not let go of a draft, and now and then no disk does.
  const cannotRemove = () => host.disk.full || fleet.added.chance(0.05);
  const ports: CorePorts = {
    host: hostId(host.name),
    address: '127.0.0.1',
    clock,
    log: log.with({ host: host.name }),
    random: fleet.randomBytes,
    oneOffKey: fleet.oneOffKey,
    freeMemoryMiB: () => 4096,
    migrations: host.migrations,
    vmm: fleet.machines.vmmOf(host.name, life),
    images,
    checkpoints: createSimCheckpoints(fleet.storage, host.name, chances, cannotRemove),
    gate: createSimGate(host.name, host.policy, fleet.truth, chances, clock.nowMs),
    policyDigest: () => policyDigest,
    identities: {
      contextOf: (role) => (role === 'client' ? clientLabel : host.policy.knowsHosts ? peerLabel : undefined),
    },
    ownership: fleet.owners.ownershipOf(host.name, life),
    peers: createPeers(endpoint, async () => others(fleet, host)),
    store,
    endpoint,
    openRequest: openRequestOf(fleet),
    seen: createStoredSeenNonces(store),
    hostView: () => {
      throw new BrokerError('USAGE_INVALID');
    },
    tell: () => {},
    // The process is gone: whatever of it goes on in this step reaches nothing any more.
    fatal: ((error: unknown) => {
      if (life.up) fleet.fatal(host, error);
    }) as (error: unknown) => never,
  };
  void startCore(fleet.mutate(ports)).then(
    (core) => {
      broker.core = core;
    },
    (error: unknown) => {
      if (life.up) fleet.fatal(host, error);
    },
  );
}

const others = ({ hosts }: Fleet, self: SimHost) =>
  hosts.filter((host) => host !== self).map(({ name }) => hostId(name));

const openRequestOf =
  ({ network, time }: Fleet): OpenRequest =>
  (bytes, source) => {
    const frame = network.signed(bytes);
    if (frame === undefined || frame.host !== source) throw new BrokerError('MESSAGE_FORGED');
    const request = frame.body as Request;
    const untilMs = time.nowMs() + waitMsOf(request);
    return { client: frame.client as ClientName, request, digest: frame.digest, untilMs };
  };
