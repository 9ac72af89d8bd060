import { fleetVms, vmNameOf } from './down.ts';
import { openFleet } from './folder.ts';
import { type Program, runningProcess } from './processes.ts';
import { programsOf } from './programs.ts';

/** A part of a fleet: a program, or a VM that runs in it. */
export interface FleetPart {
  readonly part: string;
  readonly kind: Program['kind'] | 'vm';
  readonly running: boolean;
  readonly pid: number | null;
}

/** Every part of the fleet in `root`, and whether it runs. */
export function fleetStatus(root: string): FleetPart[] {
  const { layout, marker } = openFleet(root);
  const programs = programsOf(layout, marker.busPort).map(({ name, kind }): FleetPart => {
    const id = runningProcess(layout, name);
    return { part: name, kind, running: id !== undefined, pid: id?.pid ?? null };
  });
  const vms = fleetVms(layout).map(
    (qemu): FleetPart => ({ part: vmNameOf(qemu), kind: 'vm', running: true, pid: qemu.pid }),
  );
  return [...programs, ...vms];
}
