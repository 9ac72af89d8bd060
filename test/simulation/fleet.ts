import type { MigrationLimits } from '../../services/broker/config.ts';
import type { CorePorts } from '../../services/broker/core.ts';
import { kindsOf } from '../../services/broker/effects/kinds.ts';
import type { OperationRecord } from '../../services/broker/runtime/kind.ts';
import type { OneOffKey } from '../../services/broker/transport/transfer-keys.ts';
import type { VmEntry } from '../../services/broker/vms/vms.ts';
import type { CheckpointId, VmName } from '../../shared/ids.ts';
import { type Logger, silentLogger } from '../../shared/log/logger.ts';
import type { Endpoint } from '../../shared/messages/endpoint.ts';
import type { OwnerRecord } from '../../shared/messages/record.ts';
import type { Manifest } from '../../shared/vm/carnet.ts';
import type { VmSpec } from '../../shared/vm/spec.ts';
import { carnetFor, checkpointIdOf, clientId, hostId, operationIdOf, specOf, vmId } from '../support/values.ts';
import type { Pace } from './chances.ts';
import type { Coverage } from './coverage.ts';
import { createHost, type SimHost, startBroker } from './host.ts';
import { createKeyMaker } from './keys.ts';
import { createLinks, type Links } from './links.ts';
import type { Mutation } from './mutations.ts';
import { createNetwork, type Network } from './network.ts';
import { createOwnerBucket, type OwnerBucket } from './owners.ts';
import { vmLabel } from './policy.ts';
import { createMachines, type Machines } from './qemu/machines.ts';
import type { Random } from './random.ts';
import { createStorage, type Storage } from './storage.ts';
import { createTime, type Time } from './time.ts';
import { createTruth, type Truth } from './truth.ts';

/** Everything there is in one seed. */
export interface Fleet {
  readonly time: Time;
  readonly random: Random;
  /** What was added later draws from this one, so that the seeds it does not touch stay what they were. */
  readonly added: Random;
  /** The same for what was added to the words of the operator. */
  readonly fenced: Random;
  /** The same for what has to do with post-copy, and whether it is asked for in this seed. */
  readonly pulls: Random;
  readonly postcopy: boolean;
  readonly pace: Pace;
  readonly links: Links;
  readonly network: Network;
  readonly owners: OwnerBucket;
  readonly machines: Machines;
  readonly storage: Storage;
  readonly truth: Truth;
  readonly hosts: readonly SimHost[];
  readonly vms: readonly VmName[];
  readonly client: Endpoint;
  readonly log: Logger;
  readonly oneOffKey: () => OneOffKey;
  readonly randomBytes: (bytes: number) => Uint8Array;
  /** The ports of a broker, with the mutation between, and its tables counted. */
  readonly mutate: (ports: CorePorts) => CorePorts;
  /** What is to happen when a VM next becomes another host's, with the host that had it before. */
  atNextMove: ((owner: string, vm: VmName, before: string) => void) | undefined;
  /** Hosts that are off for good, as far as anybody knows. */
  readonly dead: Set<string>;
  /** Faults that are still to come or to mend by themselves. */
  faultsDue: number;
  /** A broker cannot go on: its process ends, and is started again by and by. */
  fatal(host: SimHost, error: unknown): void;
}

const startMs = 1_700_000_000_000;

/** Makes hosts with VMs that run, or are stopped, and lets their brokers come up. */
export function createFleet(by: {
  readonly random: Random;
  readonly added: Random;
  readonly fenced: Random;
  readonly pulls: Random;
  readonly hosts: number;
  readonly vms: number;
  readonly hard: boolean;
  readonly mutation: Mutation | undefined;
  readonly coverage: Coverage;
  readonly log: ((nowMs: () => number) => Logger) | undefined;
}): Fleet {
  const { random, mutation } = by;
  const time = createTime(startMs);
  const log = by.log?.(() => time.nowMs() - startMs) ?? silentLogger;
  const pace: Pace = {
    atOnce: random.pick([0.4, 0.7, 0.9]),
    slow: random.pick([0, 0, 0.02, 0.1]),
    stalls: random.pick(by.hard ? [0.02, 0.05, 0.15] : [0, 0, 0, 0, 0.02, 0.15]),
  };
  const links = createLinks();
  const hosts = Array.from({ length: by.hosts }, (_, at) =>
    createHost(hostNames[at] ?? `host${at}`, limitsOf(random), mutation?.flushIsAwaited ?? true),
  );
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const network = createNetwork({ time, random, pace, links, find: (host) => byName.get(host)?.broker });
  const truth = createTruth({
    limitsOf: (host) => byName.get(host)?.migrations,
    openOperations: (host) => (byName.get(host)?.disk.values('operations-open') ?? []) as Iterable<OperationRecord>,
    brokerLives: (host) => byName.get(host)?.broker !== undefined,
    hasCheckpoint: (vm) => [...fleet.storage.kept.values()].some(({ carnet }) => carnet.spec.name === vm),
  });
  const owners = createOwnerBucket({
    replicas: random.pick([1, 1, 3]),
    time,
    random,
    pace,
    links,
    network,
    isWrittenDown: (record) => isWrittenDown(byName.get(record.owner), record),
    onUnheard: truth.unheard,
    onWrite(written, before) {
      truth.writes(written, before);
      if (before === undefined || before.record.owner === written.record.owner) return;
      const act = fleet.atNextMove;
      fleet.atNextMove = undefined;
      act?.(written.record.owner, written.record.vm, before.record.owner);
    },
  });
  const machines = createMachines(
    { time, random, added: by.added, pulls: by.pulls, pace, links, truth },
    { listenersAreReused: mutation?.listenersAreReused ?? false },
  );
  let drawn = 0;
  const fleet: Fleet = {
    time,
    random,
    added: by.added,
    fenced: by.fenced,
    pulls: by.pulls,
    postcopy: by.pulls.chance(0.4),
    pace,
    links,
    network,
    owners,
    machines,
    storage: createStorage(),
    truth,
    hosts,
    vms: Array.from({ length: by.vms }, (_, at) => vmId(`vm${at + 1}`)),
    client: network.endpoint({ life: { up: true }, self: { role: 'client', name: 'operator' }, handlers: new Map() }),
    log,
    dead: new Set(),
    faultsDue: 0,
    atNextMove: undefined,
    oneOffKey: createKeyMaker(),
    randomBytes(bytes) {
      const out = new Uint8Array(bytes);
      // Different every time, which is all that is asked of it.
      new DataView(out.buffer).setUint32(bytes - 4, ++drawn);
      if (bytes >= 8) new DataView(out.buffer).setUint32(0, drawn);
      return out;
    },
    mutate(ports) {
      const kinds = mutation?.kinds ?? kindsOf;
      return { ...(mutation?.ports?.(ports) ?? ports), kinds: (world) => by.coverage.over(kinds(world)) };
    },
    fatal(host, error) {
      log.error('a broker ends', { host: host.name, why: String(error) });
      stopBroker(fleet, host);
      time.after(random.between(100, 5_000), () => {
        if (host.broker === undefined && !fleet.dead.has(host.name)) startBroker(fleet, host);
      });
    },
  };
  for (const vm of fleet.vms) seedVm(fleet, vm, random.pick(hosts), random.chance(0.75));
  for (const host of hosts) startBroker(fleet, host);
  return fleet;
}

/** Whether a host's disk says that it has the VM in that epoch, or is about to. */
function isWrittenDown(host: SimHost | undefined, { vm, epoch }: OwnerRecord): boolean {
  if (host === undefined) return false;
  for (const entry of host.disk.values('vms') as Iterable<VmEntry>) {
    if (entry.spec.name === vm && entry.epoch >= epoch) return true;
  }
  for (const { vm: of, state } of host.disk.values('operations-open') as Iterable<OperationRecord>) {
    if (of === vm && 'epoch' in state && Number(state.epoch) >= epoch) return true;
  }
  return false;
}

/** Specs are checked when they are made, which costs more than all else that a VM needs. */
const specs = new Map<VmName, VmSpec>();

const limitsOf = (random: Random): MigrationLimits => ({
  outboundMax: random.pick([1, 1, 2]),
  inboundMax: random.pick([1, 1, 2]),
  queueMax: random.pick([1, 10]),
  postcopy: true,
  checkpointMinutesMax: 60,
});

const hostNames = ['alpha', 'beta', 'gamma', 'delta'];

function seedVm(fleet: Fleet, vm: VmName, host: SimHost, running: boolean): void {
  const epoch = 1;
  const spec = specs.get(vm) ?? specOf(vm);
  specs.set(vm, spec);
  const entry: VmEntry = { spec, label: vmLabel, epoch, accelerator: 'tcg', mapped: null };
  host.disk.seed('vms', vm, entry);
  fleet.owners.seed({ vm, owner: hostId(host.name), epoch, running, operation: operationIdOf(0) });
  const truth = fleet.truth.add(vm, host.name, epoch);
  if (running) fleet.machines.seed(host.name, vm, vmLabel);
  else truth.gone = true;
  if (fleet.random.chance(running ? 0.2 : 0.7) || fleet.postcopy) {
    const checkpoint = checkpointIdOf(1 + fleet.vms.indexOf(vm));
    fleet.storage.kept.set(checkpoint, manifestOf(checkpoint, entry, host.name));
  }
}

/** One carnet for all seeds, with the names filled in. */
const anyCarnet = carnetFor('any');
const carnetOfSpec = (spec: VmSpec, host: string) => ({ ...anyCarnet, spec, host: hostId(host) });

function manifestOf(checkpoint: CheckpointId, { spec }: VmEntry, host: string): Manifest {
  const file = { bytes: 1, digest: '0'.repeat(64) };
  const carnet = { ...carnetOfSpec(spec, host), label: vmLabel };
  const disks = carnet.images.map((image) => ({ spec: image.spec, label: image.label, ...file }));
  const about = { takenAtMs: startMs, takenFor: clientId('operator'), stateLabel: vmLabel, pauseMs: 3 };
  return { version: 1, checkpoint, carnet, ...about, memory: file, devices: file, disks };
}

/** The process ends wherever it is. What it had not flushed may be lost; its QEMUs run on. */
export function stopBroker(fleet: Fleet, host: SimHost): void {
  if (host.broker !== undefined) host.broker.life.up = false;
  host.broker = undefined;
  const { random } = fleet;
  host.disk.crash((unflushed) => (unflushed === 0 ? 0 : random.between(0, unflushed)));
  fleet.truth.brokerStops(host.name);
}

/** The machine loses power, with everything that runs on it. */
export function stopHost(fleet: Fleet, host: SimHost): void {
  stopBroker(fleet, host);
  for (const qemu of [...fleet.machines.of(host.name).values()]) fleet.machines.kill(qemu, true);
}
