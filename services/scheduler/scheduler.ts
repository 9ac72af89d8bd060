import type { Bus } from '../../shared/bus/bus.ts';
import type { Logger } from '../../shared/log/logger.ts';
import { createEndpoint } from '../../shared/messages/endpoint.ts';
import type { SeenNonces } from '../../shared/messages/frame.ts';
import { jobExchange } from '../../shared/messages/job.ts';
import { buckets } from '../../shared/messages/record.ts';
import type { Identity } from '../../shared/pki/identity.ts';
import { createTrust } from '../../shared/pki/trust.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { createFleet, type FleetDependencies } from './fleet.ts';
import { createJobs } from './jobs.ts';
import { createLoop } from './loop.ts';
import { createRunner } from './runner.ts';
import { createRecordSeal } from './sealed.ts';
import { createServer } from './server.ts';

export interface SchedulerDependencies {
  readonly bus: Bus;
  readonly identity: Identity;
  readonly identityOf: FleetDependencies['identityOf'];
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly seen: SeenNonces;
  readonly log: Logger;
}

/** A scheduler that serves. */
export interface Scheduler {
  /** Takes no more asks and starts no more runs; resolves when every run of this process has ended or was given back. */
  stop(): Promise<void>;
}

/** Puts the parts together and begins: answers asks, and goes on with what is due or was left open. */
export async function startScheduler(by: SchedulerDependencies): Promise<Scheduler> {
  const { bus, identity, clock, log, random, seen } = by;
  const trust = createTrust({ authorityCertificatePem: identity.authorityCertificatePem, clock });
  const messaging = { bus, trust, clock, random, seen, log };
  const seal = createRecordSeal(identity, trust, clock);
  const jobs = createJobs({ jobs: await bus.bucket(buckets.jobs), runs: await bus.bucket(buckets.runs), seal, log });
  const owners = await bus.bucket(buckets.owners);
  const fleet = createFleet({ ...messaging, owners, identityOf: by.identityOf });
  const runnerId = Buffer.from(random(16)).toString('hex');
  const runner = createRunner({ jobs, fleet, clock, log, runner: runnerId, onEnded: () => loop.wake() });
  const loop = createLoop({ jobs, runner, clock, log });
  const server = createServer({ jobs, fleet, runner, loop, clock });
  const endpoint = createEndpoint({ ...messaging, identity });
  const subscription = endpoint.serve(jobExchange, (ask, { sender }) => server(ask, sender));
  await bus.flush();
  loop.wake();
  return {
    async stop() {
      subscription.stop();
      await loop.stop();
      await runner.stop();
    },
  };
}
