import { faultOf } from '../../../shared/errors/broker-error.ts';
import type { OperationId, VmName } from '../../../shared/ids.ts';
import type { Figures } from '../runtime/kind.ts';
import type { World } from './world.ts';

const everyMs = 250;

/** Reports the figures of a transfer a few times a second, until QEMU says that none is under way. */
export function followTransfer(
  world: World,
  vm: VmName,
  operation: OperationId,
  report: (figures: Figures) => void,
): void {
  const look = async () => {
    const process = world.vms.process(vm);
    if (process === undefined || !world.held.keys.has(operation)) return;
    const { status, transferredBytes, remainingBytes, totalBytes, bytesPerSecond } = await process.figures();
    if (status !== 'active' && status !== 'setup') return;
    report({ transferredBytes, remainingBytes, totalBytes, bytesPerSecond });
    again();
  };
  // Figures are for people: losing one changes nothing.
  const again = () => world.clock.after(everyMs, () => void look().catch(() => undefined));
  again();
}

/** Reports the figures of a transfer that is over and whose guest runs at the destination. */
export async function reportTransfer(world: World, vm: VmName, report: (figures: Figures) => void): Promise<void> {
  // Counted until the destination's word is here, by this host's clock alone: a little more than the guest noticed.
  const stoppedAtMs = world.vms.stoppedAtMs(vm);
  if (stoppedAtMs !== undefined) report({ downtimeMs: world.clock.nowMs() - stoppedAtMs });
  try {
    const { transferredBytes, totalBytes, totalMs } = await world.vms.needProcess(vm).figures();
    const bytesPerSecond = totalMs > 0 ? (transferredBytes / totalMs) * 1000 : 0;
    report({ transferredBytes, totalBytes, totalMs, remainingBytes: 0, bytesPerSecond });
  } catch (error) {
    world.log.info('QEMU does not give the figures of a transfer', { vm, fault: faultOf(error) });
  }
}
