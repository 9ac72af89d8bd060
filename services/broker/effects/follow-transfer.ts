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
