import { fleetVms, vmNameOf } from './down.ts';
import { openFleet } from './folder.ts';
import { runningProcess } from './processes.ts';
import { programsOf } from './programs.ts';

/** A part of a fleet: a program, or a VM that runs in it. */
export interface FleetPart {
  readonly part: string;
  readonly kind: 'bus' | 'broker' | 'scheduler' | 'vm';
  readonly running: boolean;
  readonly pid: number | null;
}

/** Every part of the fleet in `root`, and whether it runs. */
export function fleetStatus(root: string): FleetPart[] {
  const { layout } = openFleet(root);
  const programs = programsOf(layout).map(({ name }): FleetPart => {
    const id = runningProcess(layout, name);
    const kind = name === 'bus' || name === 'scheduler' ? name : 'broker';
    return { part: name, kind, running: id !== undefined, pid: id?.pid ?? null };
  });
  const vms = fleetVms(layout).map(
    (qemu): FleetPart => ({ part: vmNameOf(qemu), kind: 'vm', running: true, pid: qemu.pid }),
  );
  return [...programs, ...vms];
}
