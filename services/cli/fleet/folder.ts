import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { principalName } from '../../../shared/ids.ts';
import { check, fields, integer, literal, type Shape } from '../../../shared/schema/schema.ts';
import { freePort } from './bus.ts';
import { type FleetLayout, layoutOf, rootBytesMax } from './layout.ts';
import { identifyProcess, isRunning, type ProcessId } from './proc.ts';

/** What stays the same from one start of a fleet to the next. */
const fleetMarker = fields({ version: literal(1), fleet: principalName, busPort: integer(1024, 65535) });
export type FleetMarker = Shape<typeof fleetMarker>;

/** Opens the folder of a fleet that exists. CONFIG_INVALID where there is none. */
export function openFleet(root: string): { layout: FleetLayout; marker: FleetMarker } {
  const layout = layoutOf(root);
  if (!existsSync(layout.marker)) {
    throw new BrokerError('CONFIG_INVALID', `there is no fleet in ${root}`, {
      hint: 'make one with `carnet fleet up`',
    });
  }
  const checked = check(fleetMarker, JSON.parse(readFileSync(layout.marker, 'utf8')));
  if (!checked.ok) throw new BrokerError('CONFIG_INVALID', `${layout.marker}: ${checked.problems.join('; ')}`);
  return { layout, marker: checked.value };
}

/** Opens a fleet's folder, and makes it where it does not exist. Refuses a folder that holds something else. */
export async function openOrMakeFleet(root: string): Promise<{ layout: FleetLayout; marker: FleetMarker }> {
  const layout = layoutOf(root);
  if (existsSync(layout.marker)) return openFleet(root);
  for (const folder of [layout.pool, layout.checkpoints, layout.processes, layout.logs]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const marker: FleetMarker = { version: 1, fleet: 'local', busPort: await freePort() };
  writeFileSync(`${layout.marker}.new`, `${JSON.stringify(marker)}\n`, { mode: 0o600 });
  renameSync(`${layout.marker}.new`, layout.marker);
  return { layout, marker };
}

/** Makes the folder of a fleet-to-be, unless it is there. USAGE_INVALID where no fleet can be in it. */
export function makeRoot(root: string): void {
  if (existsSync(layoutOf(root).marker)) return;
  if (Buffer.byteLength(root) > rootBytesMax) {
    throw new BrokerError('USAGE_INVALID', `${root} is too long for a fleet`, {
      hint: `unix sockets go below it, which have short paths: choose one of at most ${rootBytesMax} bytes with --fleet`,
    });
  }
  // What an interrupted start leaves behind is a fleet's too.
  const own = new Set(['lock', 'fleet.json.new', 'pool', 'checkpoints', 'processes', 'logs']);
  if (existsSync(root) && readdirSync(root).some((name) => !own.has(name))) {
    throw new BrokerError('USAGE_INVALID', `${root} is not empty and not the folder of a fleet`, {
      hint: 'choose another with --fleet',
    });
  }
  try {
    // The last folder by itself: where none can be made, as in /proc, Node's recursive mkdir would try for ever.
    const above = dirname(root);
    if (!existsSync(above)) mkdirSync(above, { recursive: true });
    if (!existsSync(root)) mkdirSync(root, { mode: 0o700 });
  } catch (cause) {
    throw new BrokerError('USAGE_INVALID', `${root} cannot be made: ${(cause as Error).message}`, {
      cause,
      hint: 'choose another folder with --fleet',
    });
  }
}

/** Runs `act` while no other process starts or stops the fleet in this folder. A lock whose holder is gone is taken over. */
export async function holdingFleet<T>(root: string, act: () => Promise<T>): Promise<T> {
  const { lock } = layoutOf(root);
  takeLock(lock);
  try {
    return await act();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock(lock: string): void {
  const self = JSON.stringify(identifyProcess(process.pid));
  for (const attempt of [1, 2]) {
    try {
      writeFileSync(lock, self, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = readHolder(lock);
      if (attempt === 2 || (holder !== undefined && isRunning(holder))) {
        throw new BrokerError(
          'VM_BUSY',
          `another carnet${holder === undefined ? '' : ` (process ${holder.pid})`} is starting or stopping this fleet`,
        );
      }
      rmSync(lock, { force: true });
    }
  }
}

function readHolder(lock: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}
