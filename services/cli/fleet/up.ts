import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { writeConfigs } from './configs.ts';
import { holdingFleet, makeRoot, openOrMakeFleet } from './folder.ts';
import { makeIdentities } from './identities.ts';
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
}

/**
 * Makes the fleet in `root` where there is none, and starts whatever of it does not run. When one part does not start,
 * what this call started is stopped again; what ran before goes on.
 */
export async function fleetUp(root: string, options: UpOptions = {}): Promise<Upped> {
  makeRoot(root);
  return holdingFleet(root, async () => {
    const { layout, marker } = await openOrMakeFleet(root);
    await makeIdentities(layout, marker.fleet, Date.now());
    await writeConfigs(layout, marker.busPort);
    const started: string[] = [];
    const ranAlready: string[] = [];
    const start = async (program: Program) => {
      if (runningProcess(layout, program.name) !== undefined) {
        ranAlready.push(program.name);
        return;
      }
      options.onStep?.(program.name);
      started.push(program.name);
      await startProgram(layout, program, options.signal);
    };
    try {
      const [bus, ...others] = programsOf(layout);
      if (bus !== undefined) await start(bus);
      // Each is waited for even when another has failed, so that none is left half started behind the clean-up.
      const outcomes = await Promise.allSettled(others.map(start));
      const failure = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
    } catch (error) {
      for (const name of started.reverse()) await stopProgram(layout, name);
      if (options.signal?.aborted === true) throw new BrokerError('OPERATION_CANCELLED', 'the fleet was not started');
      throw error;
    }
    return { layout, started, ranAlready };
  });
}
