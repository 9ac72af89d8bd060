import type { OperationId, VmName } from '../../../shared/ids.ts';
import { markStopped } from '../ownership/claim.ts';
import type { World } from './world.ts';

/**
 * Takes back what a start or a restore did after it claimed the VM: its QEMU, its pin, its claim. Where the record is not
 * this operation's nothing was done under it, and whatever runs belongs to somebody else.
 */
export async function undoLaunch(world: World, vm: VmName, operation: OperationId): Promise<void> {
  const owner = await world.ownership.read(vm);
  if (owner?.record.operation !== operation) return;
  await world.vms.process(vm)?.quit();
  world.vms.detach(vm);
  await world.checkpoints.unpin(vm);
  await markStopped(world, vm);
}
