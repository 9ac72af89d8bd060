import { existsSync } from 'node:fs';
import { busProgram } from './bus.ts';
import { type FleetLayout, fleetHosts, programOf } from './layout.ts';
import type { Program } from './processes.ts';

const ready = /^ready$/m;
/** A broker proves its accelerators before it is ready, which takes some seconds on a machine without KVM. */
const timeoutMs = 60_000;

/** Every program of a fleet, in the order they start: each needs those before it. */
export function programsOf(layout: FleetLayout): Program[] {
  const node = process.execPath;
  return [
    busProgram(layout),
    ...fleetHosts.map(({ name }) => ({
      name,
      command: node,
      args: [programOf('broker'), '--config', layout.host(name).config],
      ready,
      timeoutMs,
    })),
    {
      name: 'scheduler',
      command: node,
      args: [programOf('scheduler'), '--config', layout.scheduler.config],
      ready,
      timeoutMs,
    },
  ].filter(({ name }) => name === 'bus' || existsSync(programOf(name === 'scheduler' ? 'scheduler' : 'broker')));
}
