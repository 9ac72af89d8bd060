import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import type { Ownership } from '../runtime/ports.ts';

/*
 * The moves of the owner record. Each looks first, so that doing it again after a crash is the same as having done it
 * once, and each is one compare-and-set, so that of two hosts one wins.
 */

interface Mover {
  readonly ownership: Ownership;
  readonly host: HostName;
}

/** Claims the right to run a VM that runs nowhere: start and restore. `runsHere` says whether this host has a QEMU of it. Answers with the new epoch. OWNER_CONFLICT otherwise. */
export async function claim(
  { ownership, host }: Mover,
  vm: VmName,
  operation: OperationId,
  who: { readonly by: 'owner' | 'anyone'; readonly runsHere: boolean },
): Promise<number> {
  const found = await ownership.read(vm);
  if (found?.record.operation === operation && found.record.owner === host) return found.record.epoch;
  // A host that finds its own VM marked as running and has no QEMU for it could not say so when it ended.
  const ended = found?.record.owner === host && !who.runsHere;
  if (found?.record.running === true && !ended) {
    throw new BrokerError('OWNER_CONFLICT', `${vm} runs on ${found.record.owner}`, { hint: 'stop it there first' });
  }
  if (who.by === 'owner' && found !== undefined && found.record.owner !== host) {
    throw new BrokerError('VM_ELSEWHERE', `${vm} belongs to ${found.record.owner}`);
  }
  const record: OwnerRecord = { vm, owner: host, epoch: (found?.record.epoch ?? 0) + 1, running: true, operation };
  await ownership.write(record, found?.revision ?? 0);
  return record.epoch;
}

/**
 * Moves the record from the source to this host, as a handover allows: only from exactly the epoch that was handed over.
 * Anything else is OWNER_CONFLICT; a bus that is away is its own fault, and may be tried again.
 */
export async function moveHere(
  { ownership, host }: Mover,
  from: { vm: VmName; source: HostName; epoch: number },
  to: { epoch: number; operation: OperationId },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const found = await ownership.read(from.vm);
    if (found?.record.operation === to.operation && found.record.owner === host) return;
    const { record } = found ?? {};
    if (
      record === undefined ||
      record.owner !== from.source ||
      record.epoch !== from.epoch ||
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

/** Takes the next epoch for a VM the destination has released. */
export async function takeBack(
  { ownership, host }: Mover,
  vm: VmName,
  epoch: number,
  operation: OperationId,
): Promise<number> {
  const found = await ownership.read(vm);
  if (found?.record.operation === operation && found.record.owner === host && found.record.epoch === epoch + 1)
    return epoch + 1;
  if (found === undefined || found.record.owner !== host || found.record.epoch !== epoch) {
    throw new BrokerError('OWNER_CONFLICT', `${vm} is no longer this host's`);
  }
  await ownership.write({ vm, owner: host, epoch: epoch + 1, running: true, operation }, found.revision);
  return epoch + 1;
}

/** Says that this host runs the VM no longer. Does nothing where the record is another host's. */
export async function markStopped({ ownership, host }: Mover, vm: VmName): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const found = await ownership.read(vm);
    if (found === undefined || found.record.owner !== host || !found.record.running) return;
    try {
      await ownership.write({ ...found.record, running: false }, found.revision);
      return;
    } catch (error) {
      if (faultOf(error).code !== 'OWNER_CONFLICT' || attempt > 0) throw error;
    }
  }
}
