import { BrokerError } from '../../shared/errors/broker-error.ts';
import { type ClientName, clientName } from '../../shared/ids.ts';
import { limits } from '../../shared/limits.ts';
import type { JobAnswer, JobAsk } from '../../shared/messages/job.ts';
import { describePrincipal, type Principal } from '../../shared/pki/principal.ts';
import { check } from '../../shared/schema/schema.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { Loop } from './loop.ts';
import { readSchedule } from './plan.ts';
import type { Fleet, JobId, Jobs } from './ports.ts';
import type { JobRecord } from './record.ts';
import type { Runner } from './runner.ts';
import { summaryOf, viewOf } from './views.ts';

export interface ServerDependencies {
  readonly jobs: Jobs;
  readonly fleet: Fleet;
  readonly runner: Runner;
  readonly loop: Loop;
  readonly clock: Clock;
}

/** Answers a `job` ask of whoever signed it. Rejects with a BrokerError. */
export type JobServer = (ask: JobAsk, sender: Principal) => Promise<JobAnswer>;

/**
 * What clients may ask of the scheduler. The client is the one who signed the ask: no name in an ask says for whom a job
 * acts, or whose job is meant. What a job may do is decided at each of its runs by the VM's host, and nowhere here.
 */
export function createServer({ jobs, fleet, runner, loop, clock }: ServerDependencies): JobServer {
  async function add(client: ClientName, ask: Extract<JobAsk, { verb: 'add' }>): Promise<JobAnswer> {
    const nowMs = clock.nowMs();
    const read = readSchedule(ask.schedule, ask.timeZone, nowMs);
    if (!read.ok) throw new BrokerError('USAGE_INVALID', read.problem);
    // Refused now rather than at every run.
    await fleet.actAs(client);
    if ((await jobs.ofClient(client)).length >= limits.jobsPerClient) {
      throw new BrokerError('USAGE_INVALID', `${client} has ${limits.jobsPerClient} jobs, and may not have more`, {
        hint: 'remove one with `carnet job rm`',
      });
    }
    const record: JobRecord = {
      name: ask.job,
      client,
      vm: ask.vm,
      schedule: ask.schedule,
      timeZone: ask.timeZone,
      keepLast: ask.keepLast,
      paused: false,
      createdAtMs: nowMs,
      plannedUntilMs: nowMs,
      runs: 0,
      heldBy: [],
      open: null,
      last: null,
    };
    await jobs.create(record);
    loop.wake();
    return { is: 'job', job: viewOf(record, undefined, nowMs) };
  }

  async function shown(id: JobId, job: JobRecord | undefined): Promise<JobAnswer> {
    if (job === undefined) throw unknownJob(id);
    const [lastRun] = await jobs.history(id);
    return { is: 'job', job: viewOf(job, lastRun, clock.nowMs()) };
  }

  async function changed(id: JobId, next: (job: JobRecord) => JobRecord): Promise<JobAnswer> {
    const job = await jobs.change(id, next);
    loop.wake();
    return shown(id, job);
  }

  async function runNow(id: JobId): Promise<JobAnswer> {
    const run = await runner.start(id, 'request', clock.nowMs());
    if (run !== undefined) return { is: 'started', run };
    if ((await jobs.get(id)) === undefined) throw unknownJob(id);
    throw new BrokerError('VM_BUSY', `a run of ${id.name} is under way`, { hint: 'carnet job show tells where it is' });
  }

  return async (ask, sender) => {
    const client = clientOf(sender);
    if (ask.verb === 'add') return add(client, ask);
    if (ask.verb === 'list') {
      const nowMs = clock.nowMs();
      const own = (await jobs.ofClient(client)).sort((a, b) => (a.name < b.name ? -1 : 1));
      return { is: 'jobs', jobs: own.slice(0, limits.jobsPerClient).map((job) => summaryOf(job, nowMs)) };
    }
    const id = { client, name: ask.job };
    switch (ask.verb) {
      case 'show':
        return shown(id, await jobs.get(id));
      case 'history':
        if ((await jobs.get(id)) === undefined) throw unknownJob(id);
        return { is: 'runs', runs: (await jobs.history(id)).slice(0, ask.runs) };
      case 'remove':
        if (!(await jobs.remove(id))) throw unknownJob(id);
        return { is: 'removed', job: ask.job };
      case 'pause':
        return changed(id, (job) => ({ ...job, paused: true }));
      case 'resume':
        return changed(id, (job) => (job.paused ? resumed(job, clock.nowMs()) : job));
      case 'run':
        return runNow(id);
    }
  };
}

/** What came due while a job was paused is let pass. */
const resumed = (job: JobRecord, nowMs: number): JobRecord => ({
  ...job,
  paused: false,
  plannedUntilMs: Math.max(job.plannedUntilMs, nowMs),
});

/** The same for a job of another client as for none, so that nobody learns which jobs others have. */
const unknownJob = ({ client, name }: JobId) =>
  new BrokerError('JOB_UNKNOWN', `${client} has no job ${name}`, { hint: 'carnet job list shows your jobs' });

function clientOf(sender: Principal): ClientName {
  const name = check(clientName, sender.name);
  if (sender.role !== 'client' || !name.ok) {
    throw new BrokerError('IDENTITY_UNKNOWN', `jobs act for clients, and ${describePrincipal(sender)} is none`);
  }
  return name.value as ClientName;
}
