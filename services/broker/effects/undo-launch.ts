import type { OperationId, VmName } from '../../../shared/ids.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import { claim, markStopped } from '../ownership/claim.ts';
import { askToLetGo, mustNotBePromised } from '../ownership/let-go.ts';
import type { VmEntry } from '../vms/vms.ts';
import type { World } from './world.ts';

/**
 * Claims a VM for a start or a restore, and has it on record here in its new epoch: whoever the owner record names has the
 * VM, whatever becomes of the operation. Answers with the epoch.
 */
export async function claimHere(
  world: World,
  operation: OperationId,
  by: 'owner' | 'anyone',
  fresh: Omit<VmEntry, 'epoch'>,
): Promise<number> {
  const { vms } = world;
  const vm = fresh.spec.name;
  mustNotBePromised(vms.get(vm));
  const epoch = await claim(world, vm, operation, {
    by,
    letGo: by === 'anyone' ? await askToLetGo(world, vm) : undefined,
    runsHere: vms.process(vm) !== undefined,
    ownEpoch: vms.get(vm)?.epoch,
    knownEpoch: vms.epochOf(vm),
    intend: (intended) => vms.put({ ...(vms.get(vm) ?? fresh), epoch: intended, claimedBy: operation }),
  });
  await vms.put({ ...(vms.get(vm) ?? fresh), epoch });
  return epoch;
}

/**
 * Takes back what a start or a restore did after it claimed the VM: its QEMU, its pin, its claim; the VM stays this host's.
 * Where it claimed nothing it did nothing, and whatever runs belongs to somebody else. `epoch` is null where the operation
 * does not know whether its claim was taken: then the record tells.
 */
export async function undoLaunch(
  world: World,
  { vm, operation, epoch }: { vm: VmName; operation: OperationId; epoch: number | null },
  fresh: () => Promise<Omit<VmEntry, 'epoch'>>,
  overtaken: () => boolean,
): Promise<void> {
  const { vms, ownership, checkpoints } = world;
  const claimed = epoch ?? claimedEpoch(world, vm, operation, (await ownership.read(vm))?.record);
  if (claimed === undefined || overtaken()) return;
  await vms.process(vm)?.quit();
  if (overtaken()) return;
  vms.detach(vm);
  await checkpoints.unpin(vm);
  const entry = vms.get(vm) ?? (await fresh());
  if (overtaken()) return;
  await vms.put({ ...entry, epoch: claimed, mapped: null });
  await markStopped(world, vm, claimed);
}

/** The epoch in which an operation has claimed a VM, as the record says, or as it intended where the bucket may have forgotten it. */
function claimedEpoch(
  { vms, host }: World,
  vm: VmName,
  operation: OperationId,
  record: OwnerRecord | undefined,
): number | undefined {
  if (record?.operation === operation && record.owner === host) return record.epoch;
  const entry = vms.get(vm);
  return entry?.claimedBy === operation && entry.epoch > (record?.epoch ?? 0) ? entry.epoch : undefined;
}
