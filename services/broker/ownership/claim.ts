import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import type { Ownership } from '../runtime/ports.ts';
import type { LetGo } from './let-go.ts';

/*
 * The moves of the owner record. Each looks first, so that doing it again after a crash is the same as having done it
 * once, and each is one compare-and-set, so that of two hosts one wins.
 */

interface Mover {
  readonly ownership: Ownership;
  readonly host: HostName;
}

/** What this host's own journal says of a VM it wants to run. */
interface Claimant {
  /** `owner` claims only what is this host's already, `anyone` also what belongs to nobody or to a host that stopped it. */
  readonly by: 'owner' | 'anyone';
  /** Whether this host has a QEMU of it. */
  readonly runsHere: boolean;
  /** The epoch in which this host has the VM; undefined where it does not. */
  readonly ownEpoch: number | undefined;
  /** The highest epoch this host knows of. */
  readonly knownEpoch: number;
  /** The owner that let it go to this host; its word is needed where the record is no proof. */
  readonly letGo?: LetGo | undefined;
  /** Writes down that the VM is about to be claimed in that epoch. */
  readonly intend: (epoch: number) => Promise<void>;
}

/**
 * Claims the right to run a VM that runs nowhere: start and restore. Answers with the new epoch. A record that is older than
 * what this host knows is not believed: where the VM is this host's own journal says so, otherwise it is OWNER_IN_DOUBT.
 * OWNER_CONFLICT where the VM runs, VM_ELSEWHERE where it is another host's to start.
 */
export async function claim(
  { ownership, host }: Mover,
  vm: VmName,
  operation: OperationId,
  claimant: Claimant,
): Promise<number> {
  const found = await ownership.read(vm);
  const record = found?.record;
  if (record?.operation === operation && record.owner === host) return record.epoch;
  const { ownEpoch, knownEpoch, runsHere, letGo, intend } = claimant;
  const ours = ownEpoch !== undefined && isNoNewer(ownership, record, { owner: host, epoch: ownEpoch });
  // What this host's journal proves, or what it claimed before a crash; its QEMU may have ended without a word.
  if (ours || (record?.owner === host && record.epoch >= knownEpoch)) {
    if (runsHere) throw stillRuns(vm, host);
  } else mayTake(vm, record, claimant, ownership.decidesAlone);
  const epoch = Math.max(record?.epoch ?? 0, knownEpoch, letGo?.epoch ?? 0) + 1;
  // Its owner forgets it as soon as it sees the claim: should the bucket forget that, this host is the only one to know.
  if (letGo !== undefined) await intend(epoch);
  await ownership.write({ vm, owner: host, epoch, running: true, operation }, found?.revision ?? 0);
  return epoch;
}

/** Throws where a VM that is not this host's may not become it. */
function mayTake(
  vm: VmName,
  record: OwnerRecord | undefined,
  { by, knownEpoch, letGo }: Claimant,
  decidesAlone: boolean,
): void {
  if ((record?.epoch ?? 0) < knownEpoch && !(record === undefined && decidesAlone)) {
    throw new BrokerError('OWNER_IN_DOUBT', `the owner record of ${vm} is older than what this host knows`, {
      hint: 'its owner puts it back as soon as it reaches the bus',
    });
  }
  if (record === undefined) return;
  if (record.running) throw stillRuns(vm, record.owner);
  if (by === 'owner') throw new BrokerError('VM_ELSEWHERE', `${vm} belongs to ${record.owner}`);
  const byItsWord = letGo?.owner === record.owner && letGo.epoch >= knownEpoch;
  if (!decidesAlone && !byItsWord) {
    throw new BrokerError(
      'OWNER_IN_DOUBT',
      `${vm} is ${record.owner}'s, and one copy of the record is no proof of it`,
      {
        hint: `do it on ${record.owner}, or keep the owner records on three servers`,
      },
    );
  }
}

const stillRuns = (vm: VmName, where: HostName) =>
  new BrokerError('OWNER_CONFLICT', `${vm} runs on ${where}`, { hint: 'stop it there first' });

/**
 * True for a record that is what is known, or, where the bucket may forget, an older one that it brought back: nothing in
 * it speaks against what is known.
 */
const isNoNewer = (
  { decidesAlone }: Ownership,
  record: OwnerRecord | undefined,
  known: { readonly owner: HostName; readonly epoch: number },
): boolean =>
  record?.epoch === known.epoch ? record.owner === known.owner : !decidesAlone && (record?.epoch ?? -1) < known.epoch;

/**
 * Moves the record from the source to this host, as a handover allows: only from the epoch that was handed over, or from
 * an older one that the bucket brought back, as the source's signature proves the newer. Anything else is OWNER_CONFLICT;
 * a bus that is away is its own fault, and may be tried again.
 */
export async function moveHere(
  { ownership, host }: Mover,
  from: { vm: VmName; source: HostName; epoch: number },
  to: { epoch: number; operation: OperationId },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const found = await ownership.read(from.vm);
    if (found?.record.operation === to.operation && found.record.owner === host) return;
    if (
      !isNoNewer(ownership, found?.record, { owner: from.source, epoch: from.epoch }) ||
      to.epoch !== from.epoch + 1
    ) {
      throw new BrokerError('OWNER_CONFLICT', `${from.vm} is not ${from.source}'s to hand over`);
    }
    try {
      await ownership.write(
        { vm: from.vm, owner: host, epoch: to.epoch, running: true, operation: to.operation },
        found?.revision ?? 0,
      );
      return;
    } catch (error) {
      // A conflict may be our own write whose answer was lost: look once more.
      if (faultOf(error).code !== 'OWNER_CONFLICT' || attempt > 0) throw error;
    }
  }
}

/**
 * Takes the next epoch for a VM that was handed over: from the epoch that was handed over, or, where the destination has
 * signed that it released the VM, also from the one it may have claimed under the same operation. OWNER_CONFLICT where
 * the destination was faster, or the record is anybody else's.
 */
export async function takeBack(
  { ownership, host }: Mover,
  handedOver: { vm: VmName; epoch: number; operation: OperationId },
  releasedBy: HostName | undefined,
): Promise<number> {
  const { vm, epoch, operation } = handedOver;
  const found = await ownership.read(vm);
  const record = found?.record;
  if (record?.operation === operation && record.owner === host && record.epoch > epoch) return record.epoch;
  const released = record?.operation === operation && record.owner === releasedBy && record.epoch === epoch + 1;
  if (!released && !isNoNewer(ownership, record, { owner: host, epoch })) {
    throw new BrokerError('OWNER_CONFLICT', `${vm} is no longer this host's`);
  }
  // What was handed over may have been claimed and forgotten by the bucket: it is not used again.
  const used = releasedBy === undefined ? epoch : epoch + 1;
  const next = Math.max(record?.epoch ?? 0, used) + 1;
  await ownership.write({ vm, owner: host, epoch: next, running: true, operation }, found?.revision ?? 0);
  return next;
}

/**
 * OWNER_CONFLICT where another host has the VM in a newer epoch than this one: it was fenced, and must not let the guest run
 * any more. To be asked where time has passed since the record was moved here.
 */
export async function mustStillOwn({ ownership, host }: Mover, vm: VmName, epoch: number): Promise<void> {
  const record = (await ownership.read(vm))?.record;
  if (record === undefined || record.owner === host || record.epoch <= epoch) return;
  throw new BrokerError('OWNER_CONFLICT', `${record.owner} has ${vm} in a newer epoch`);
}

/** Puts a record back that the bucket forgot: this host's journal proves that the VM is its own in that epoch. */
export async function putBack(
  { ownership, host }: Mover,
  own: { vm: VmName; epoch: number; running: boolean; operation: OperationId },
): Promise<void> {
  const found = await ownership.read(own.vm);
  if (found !== undefined && found.record.epoch >= own.epoch) return;
  await ownership.write({ ...own, owner: host }, found?.revision ?? 0);
}

/** Says that this host, which has the VM in that epoch, runs it no longer. Does nothing where the record is newer. */
export async function markStopped({ ownership, host }: Mover, vm: VmName, epoch: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const found = await ownership.read(vm);
    if (found === undefined) return;
    const { record } = found;
    // An older record was brought back by the bucket: this host's journal knows better.
    if (record.epoch > epoch || (record.epoch === epoch && (record.owner !== host || !record.running))) return;
    try {
      await ownership.write({ ...record, owner: host, epoch, running: false }, found.revision);
      return;
    } catch (error) {
      if (faultOf(error).code !== 'OWNER_CONFLICT' || attempt > 0) throw error;
    }
  }
}
