import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Ownership } from '../runtime/ports.ts';

/**
 * Moves the record of a VM here, in the epoch that an operator's word was recorded with. Doing it again is doing it once.
 * OWNER_CONFLICT where the record is a third host's, or has come to that epoch: then the word was given about something else.
 */
export async function takeFenced(
  { ownership, host }: { readonly ownership: Ownership; readonly host: HostName },
  taken: { vm: VmName; epoch: number; running: boolean; operation: OperationId },
  fenced: HostName,
): Promise<void> {
  const found = await ownership.read(taken.vm);
  const record = found?.record;
  if (record?.operation === taken.operation && record.owner === host && record.epoch === taken.epoch) return;
  const theirs = record === undefined || record.owner === host || record.owner === fenced;
  if (!theirs || (record?.epoch ?? 0) >= taken.epoch) {
    throw new BrokerError('OWNER_CONFLICT', `the owner record of ${taken.vm} is not what ${fenced} left it as`);
  }
  await ownership.write({ ...taken, owner: host }, found?.revision ?? 0);
}
