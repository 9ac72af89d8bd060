import { existsSync } from 'node:fs';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { makeAuthority, makeTokens } from './authority.ts';
import { writeConfigs } from './configs.ts';
import { holdingFleet, makeRoot, openOrMakeFleet } from './folder.ts';
import { enrolMembers, type Member, membersOf } from './identities.ts';
import type { FleetLayout } from './layout.ts';
import { type Program, runningProcess, startProgram, stopProgram } from './processes.ts';
import { programsOf } from './programs.ts';

export interface UpOptions {
  /** Told of everything that is done, in the order it happens. */
  readonly onStep?: (what: string) => void;
  readonly signal?: AbortSignal;
}

/** What `up` found and did. */
export interface Upped {
  readonly layout: FleetLayout;
  readonly started: readonly string[];
  readonly ranAlready: readonly string[];
  /** Who got a certificate. */
  readonly enrolled: readonly string[];
}

/**
 * Makes the fleet in `root` where there is none, and starts whatever of it does not run. When one part does not start,
 * what this call started is stopped again; what ran before goes on.
 */
export async function fleetUp(root: string, options: UpOptions = {}): Promise<Upped> {
  makeRoot(root);
  return holdingFleet(root, async () => {
    const { layout, marker } = await openOrMakeFleet(root);
    const { enrolled, missing } = membersOf(layout);
    mustHaveAuthority(layout, enrolled);
    await writeConfigs(layout, marker.busPort);
    const programs = programsOf(layout, marker.busPort);
    const started: string[] = [];
    const ranAlready: string[] = [];
    const start = async (program: Program) => {
      if (runningProcess(layout, program.name) !== undefined) {
        ranAlready.push(program.name);
        return;
      }
      options.onStep?.(`starting ${program.name}`);
      started.push(program.name);
      await startProgram(layout, program, options.signal);
    };
    const startAll = (...kinds: readonly Program['kind'][]) =>
      programs.filter(({ kind }) => kinds.includes(kind)).map(start);
    try {
      await all([makeAuthority(layout, marker.fleet, options.signal), ...startAll('bus')]);
      const tokens = missing.length === 0 ? undefined : makeTokens(layout, missing, options.signal);
      await all([tokens, ...startAll('authority')]);
      if (tokens !== undefined) {
        options.onStep?.(`enrolling ${missing.map(({ name }) => name).join(', ')}`);
        await enrolMembers(marker.busPort, missing, await tokens);
      }
      await all(startAll('broker', 'scheduler'));
    } catch (error) {
      for (const name of started.reverse()) await stopProgram(layout, name);
      if (options.signal?.aborted === true) throw new BrokerError('OPERATION_CANCELLED', 'the fleet was not started');
      throw error;
    }
    return { layout, started, ranAlready, enrolled: missing.map(({ name }) => name) };
  });
}

/** Each is waited for even when another has failed, so that none is left half started behind the clean-up. */
async function all(acts: readonly unknown[]): Promise<void> {
  const failure = (await Promise.allSettled(acts)).find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** A new authority would be one its members do not know. */
function mustHaveAuthority(layout: FleetLayout, enrolled: readonly Member[]): void {
  if (enrolled.length === 0 || existsSync(layout.authority.certificate)) return;
  throw new BrokerError('CONFIG_INVALID', `the authority of this fleet is not in ${layout.authority.folder} any more`, {
    hint: 'put it back, or make the whole fleet anew after `carnet fleet down --remove`',
  });
}
