import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../../services/cli/client/client.ts';
import { connectClient } from '../../../services/cli/client/connect.ts';
import { fleetDown } from '../../../services/cli/fleet/down.ts';
import { openFleet } from '../../../services/cli/fleet/folder.ts';
import { cacheFolder, placeGuest } from '../../../services/cli/fleet/guest-files.ts';
import { type FleetLayout, layoutOf } from '../../../services/cli/fleet/layout.ts';
import { type Program, recordedNames, startProgram, stopProgram } from '../../../services/cli/fleet/processes.ts';
import { programsOf } from '../../../services/cli/fleet/programs.ts';
import { fleetUp } from '../../../services/cli/fleet/up.ts';
import { ensureGuest } from '../../../services/cli/guest/make-guest.ts';
import type { VmSpec } from '../../../shared/vm/spec.ts';
import { leaderOf, type Member, planCluster, untilClustered } from '../../support/nats-cluster.ts';
import { keepStarting } from './acts.ts';
import { withClock } from './clocks.ts';
import { inCluster } from './cluster.ts';
import { limitSpace, removeLimits } from './full.ts';
import { inNetwork, makeNetwork, moveToNetwork, removeNetwork } from './network.ts';

/** A real fleet of one's own with a real guest, whose parts can be killed. */
export interface World {
  readonly layout: FleetLayout;
  readonly programs: readonly Program[];
  readonly spec: VmSpec;
  readonly client: Client;
  /** The programs that are the bus. */
  readonly servers: readonly string[];
  /** The server that leads the owner records, of several. */
  leader(): Promise<string>;
  close(): Promise<void>;
}

/**
 * `network` puts each host on a link of its own, which can be cut; `cluster` has a bus of three servers; `full` gives what is
 * stored a file system that can be filled; `clock` gives brokers clocks that can be set.
 */
export async function openWorld({
  network = false,
  cluster = false,
  full = false,
  clock = false,
} = {}): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), 'carnet-faults-'));
  let client: Client | undefined;
  const close = async () => {
    await client?.close();
    await fleetDown(root, { force: true, remove: false });
    if (full) removeLimits(layoutOf(root));
    rmSync(root, { recursive: true, force: true });
    if (network) removeNetwork();
  };
  if (network) makeNetwork();
  try {
    const [{ layout }, guest] = await Promise.all([fleetUp(root), ensureGuest(cacheFolder(process.env))]);
    const { spec } = await placeGuest(layout, guest);
    const usual = programsOf(layout, openFleet(root).marker.busPort);
    const members = cluster ? await planCluster() : [];
    const programs = cluster
      ? inCluster(layout, members, usual)
      : usual.map((program) => (network ? inNetwork(program) : clock ? withClock(layout, program) : program));
    if (network) await restartAfter(layout, programs, () => moveToNetwork(layout));
    if (clock) await restartAfter(layout, programs, () => undefined);
    if (full) await restartAfter(layout, programs, () => limitSpace(layout));
    if (cluster) await restartOnCluster(layout, members, programs);
    client = await connectClient({ env: process.env }, { fleet: root, as: 'operator', output: 'table' });
    const servers = programs.filter(({ kind }) => kind === 'bus').map(({ name }) => name);
    return { layout, programs, spec, client, servers, leader: () => leaderOf(members), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function restartAfter(layout: FleetLayout, programs: readonly Program[], change: () => void): Promise<void> {
  const stopped = programs.filter(({ kind }) => kind === 'bus' || kind === 'broker');
  for (const { name } of stopped.toReversed()) await stopProgram(layout, name);
  change();
  for (const program of stopped) await startProgram(layout, program);
}

async function restartOnCluster(
  layout: FleetLayout,
  members: readonly Member[],
  programs: readonly Program[],
): Promise<void> {
  for (const name of recordedNames(layout).toReversed()) await stopProgram(layout, name);
  const start = (kind: Program['kind']) =>
    Promise.all(programs.filter((program) => program.kind === kind).map((program) => keepStarting(layout, program)));
  await start('bus');
  await untilClustered(members);
  await start('broker');
}
