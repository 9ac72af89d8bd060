import { authorityProgram } from './authority.ts';
import { busProgram } from './bus.ts';
import { type FleetLayout, fleetHosts, programOf } from './layout.ts';
import type { Program } from './processes.ts';

const ready = /^ready$/m;
/** A broker proves its accelerators before it is ready, which takes some seconds on a machine without KVM. */
const timeoutMs = 60_000;

/** Every program of a fleet, in the order they start: bus, authority, then what has an identity of the authority's. */
export const programsOf = (layout: FleetLayout, busPort: number): Program[] => [
  busProgram(layout),
  authorityProgram(layout, busPort),
  ...fleetHosts.map(
    ({ name }): Program => ({
      name,
      kind: 'broker',
      command: process.execPath,
      args: [programOf('broker'), '--config', layout.host(name).config],
      ready,
      timeoutMs,
    }),
  ),
  {
    name: 'scheduler',
    kind: 'scheduler',
    command: process.execPath,
    args: [programOf('scheduler'), '--config', layout.scheduler.config],
    ready,
    timeoutMs,
  },
];
