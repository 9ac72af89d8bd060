import { globSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetLayout } from '../../../services/cli/fleet/layout.ts';
import type { Program } from '../../../services/cli/fleet/processes.ts';
import type { Host } from './hosts.ts';

/* Brokers whose clock can be set while they run, by the library of the Debian package `faketime`. */

const fileOf = (layout: FleetLayout, name: string) => join(layout.root, `clock-${name}`);

/** The program of a host, run with a clock of its own. */
export function withClock(layout: FleetLayout, program: Program): Program {
  if (program.kind !== 'broker') return program;
  const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
  if (library === undefined) throw new Error('clocks are set with libfaketime: install the Debian package faketime');
  const file = fileOf(layout, program.name);
  writeFileSync(file, '+0\n');
  // Timers go by the monotonic clock, which nobody sets.
  const own = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  const settings = Object.entries({ ...own, FAKETIME_DONT_FAKE_MONOTONIC: '1' }).map(
    ([name, value]) => `${name}=${value}`,
  );
  return { ...program, command: 'env', args: [...settings, program.command, ...program.args] };
}

/** Sets the clock of a host's broker, as an offset such as `+2h`. It is noticed within a second. */
export function setClock(layout: FleetLayout, host: Host, offset: string): void {
  const file = fileOf(layout, host);
  writeFileSync(`${file}.new`, `${offset}\n`);
  renameSync(`${file}.new`, file);
}
