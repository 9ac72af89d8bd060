import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName, HostName, OperationId } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Logger } from '../../../shared/log/logger.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { Accelerator, VmSpec } from '../../../shared/vm/spec.ts';
import type { MigrationLimits } from '../config.ts';
import type { Draining } from '../draining/draining.ts';
import type { Peers } from '../peers/peers.ts';
import type {
  CheckpointDraft,
  Checkpoints,
  Gate,
  Identities,
  Images,
  OpenCheckpoint,
  OpenImages,
  Ownership,
  Vmm,
} from '../runtime/ports.ts';
import type { OneOffKey } from '../transport/transfer-keys.ts';
import type { Vms } from '../vms/vms.ts';

/** Everything effects act on. One per broker. */
export interface World {
  readonly host: HostName;
  readonly address: string;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** Makes the key pair of one transfer. */
  readonly oneOffKey: () => OneOffKey;
  /** Memory that a guest could get now, in MiB. */
  readonly freeMemoryMiB: () => number;
  readonly migrations: MigrationLimits;
  readonly draining: Draining;
  readonly log: Logger;
  readonly vmm: Vmm;
  readonly vms: Vms;
  readonly images: Images;
  readonly checkpoints: Checkpoints;
  readonly gate: Gate;
  /** The digest of the policy in force; it goes into carnets. */
  readonly policyDigest: () => string;
  readonly identities: Identities;
  readonly ownership: Ownership;
  readonly peers: Peers;
  readonly held: Held;
}

/**
 * What an operation holds between its effects and a crash takes away: open descriptors and one-off keys. An effect that
 * misses them begins again or fails; nothing here is needed to stay safe.
 */
export interface Held {
  readonly images: Map<OperationId, OpenImages>;
  readonly keys: Map<OperationId, OneOffKey & { offerDigest?: Uint8Array }>;
  readonly drafts: Map<OperationId, Promise<CheckpointDraft>>;
  /** QEMUs that write a checkpoint: each resolves or rejects when it writes no more. */
  readonly saves: Map<OperationId, Promise<unknown>>;
  readonly checkpoints: Map<OperationId, OpenCheckpoint>;
  /** Migrations whose guest this broker has not yet told to run here. After a crash nobody knows. */
  readonly untold: Set<OperationId>;
  /** Migrations whose guest this broker has heard to run at the destination. */
  readonly runsThere: Set<OperationId>;
}

export const emptyHeld = (): Held => ({
  images: new Map(),
  keys: new Map(),
  drafts: new Map(),
  saves: new Map(),
  checkpoints: new Map(),
  untold: new Set(),
  runsThere: new Set(),
});

/** Closes and forgets everything an operation held. */
export function letGo(held: Held, operation: OperationId): void {
  held.images.get(operation)?.close();
  held.images.delete(operation);
  held.keys.delete(operation);
  held.drafts.delete(operation);
  held.saves.delete(operation);
  held.checkpoints.get(operation)?.close();
  held.checkpoints.delete(operation);
  held.untold.delete(operation);
  held.runsThere.delete(operation);
}

/** The context of a client by this host's own map. IDENTITY_UNKNOWN where it has none. */
export function clientLabel(world: Pick<World, 'identities' | 'host'>, client: ClientName): Label {
  return contextOf(world, 'client', client);
}

/** The context of another host by this host's own map. */
export function peerLabel(world: Pick<World, 'identities' | 'host'>, peer: HostName): Label {
  return contextOf(world, 'host', peer);
}

function contextOf(
  { identities, host }: Pick<World, 'identities' | 'host'>,
  role: 'client' | 'host',
  name: ClientName | HostName,
): Label {
  const label = identities.contextOf(role, name);
  if (label === undefined) {
    throw new BrokerError('IDENTITY_UNKNOWN', `${host} maps ${role} ${name} to no security context`, {
      hint: `add ${name} to the identity map of ${host}`,
    });
  }
  return label;
}

/** The accelerator a VM gets on this host. HOST_INCOMPATIBLE where its spec wants one that is not there. */
export function acceleratorFor({ vmm, host }: Pick<World, 'vmm' | 'host'>, wanted: VmSpec['accelerator']): Accelerator {
  const chosen = wanted === 'auto' ? vmm.accelerators[0] : vmm.accelerators.find((one) => one === wanted);
  if (chosen === undefined) {
    throw new BrokerError(
      'HOST_INCOMPATIBLE',
      `${host} has no ${wanted === 'auto' ? 'accelerator' : wanted} that runs a guest`,
    );
  }
  return chosen;
}

/** HOST_FULL where the guest's memory does not fit into what is free. */
export function needMemory({ host, freeMemoryMiB }: Pick<World, 'host' | 'freeMemoryMiB'>, memoryMiB: number): void {
  const freeMiB = freeMemoryMiB();
  if (freeMiB < memoryMiB)
    throw new BrokerError('HOST_FULL', `${host} has ${freeMiB} MiB free, the VM needs ${memoryMiB}`);
}

/** OPERATION_TIMEOUT-like: what was held is gone because the broker was started again in between. */
export function needHeld<T>(map: Map<OperationId, T>, operation: OperationId, what: string): T {
  const found = map.get(operation);
  if (found === undefined) {
    throw new BrokerError('INTERNAL', `the broker was restarted and no longer holds ${what}`, {
      hint: 'ask for the operation again',
    });
  }
  return found;
}
