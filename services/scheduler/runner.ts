import { type Fault, faultOf } from '../../shared/errors/broker-error.ts';
import { faultCodes } from '../../shared/errors/codes.ts';
import type { VmName } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log/logger.ts';
import type { RunTrigger, RunView } from '../../shared/messages/job.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { Fleet, JobId, Jobs } from './ports.ts';
import { aliveMs, claim, heldBy, type JobRecord, keyOf, type OpenRun } from './record.ts';
import { type RunState, type RunStateAt, stepRun } from './run.ts';
import { createSteps } from './steps.ts';

export interface RunnerDependencies {
  readonly jobs: Jobs;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Logger;
  /** Names this process in what it claims: 32 hex digits nobody else has. */
  readonly runner: string;
  /** Called after each run of this process, however it ended. */
  readonly onEnded: () => void;
}

/** Runs jobs: at most one run of a job at once, in all the schedulers that share the bus. */
export interface Runner {
  /** Claims a run and starts it. Answers with its number, or nothing where there is nothing to claim any more. */
  start(id: JobId, trigger: RunTrigger, dueAtMs: number): Promise<number | undefined>;
  /** Goes on with, or ends, a run whose runner is no more. */
  takeOver(id: JobId): Promise<void>;
  isRunning(id: JobId): boolean;
  /** The VMs that runs of this process are about. */
  busyVms(): ReadonlySet<VmName>;
  /** Lets requests that were sent be answered, then gives back what has not ended, for the next scheduler to go on with. */
  stop(): Promise<void>;
}

/** How often a change is tried while the bus is away, and how long in between. */
const storing = { attemptsMax: 8, delayMs: 1_000 } as const;

export function createRunner(by: RunnerDependencies): Runner {
  const { jobs, clock, runner } = by;
  const active = new Map<string, { vm: VmName; ended: Promise<void> }>();
  const stopping = new AbortController();
  const pause = (delayMs: number) => pauseUnless(stopping.signal, clock, delayMs);
  const steps = createSteps({ fleet: by.fleet, clock, pause });

  /** Changes the job as long as the run is this process's. Nothing where it is not, or the job is gone. */
  async function store(id: JobId, run: number, next: (job: JobRecord, open: OpenRun) => JobRecord) {
    const mine = (job: JobRecord) =>
      job.open !== null && job.open.run === run && job.open.runner === runner ? next(job, job.open) : undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await jobs.change(id, mine);
      } catch (error) {
        if (!faultCodes[faultOf(error).code].retry || attempt >= storing.attemptsMax) throw error;
        await pause(storing.delayMs);
      }
    }
  }

  const storeState = (id: JobId, run: number, at: RunState, holders: JobRecord['heldBy'] | undefined) =>
    store(id, run, (job, open) => ({
      ...job,
      // A host that is asked may hold a checkpoint from then on, whether its answer arrives or not.
      heldBy: at.state === 'asking' ? heldBy(job, at.host) : (holders ?? job.heldBy),
      open: { ...open, at, aliveUntilMs: clock.nowMs() + aliveMs },
    }));

  /** One step after the other, each stored before it is taken, until the run has ended or is another's. */
  async function drive(claimed: JobRecord, log: Logger): Promise<void> {
    const id = { client: claimed.client, name: claimed.name };
    let job: JobRecord | undefined = claimed;
    while (job?.open != null) {
      const { run, at, startedAtMs } = job.open;
      if (at.state === 'ended') return end(id, job.open, at, log);
      const event = stopping.signal.aborted ? undefined : await steps.take(job, at, startedAtMs);
      if (event === undefined) return giveBack(id, run, log);
      const next = stepRun(at, event);
      if (next === undefined) throw new Error(`a run that is ${at.state} has no row for ${event.event}`);
      log.debug('a run went on', {
        state: next.state,
        event: event.event,
        fault: 'fault' in event ? event.fault : undefined,
      });
      job = await storeState(id, run, next, event.event === 'pruned' ? event.holders : undefined);
    }
    log.warn('a run was given up: the job was removed, or another scheduler took it over');
  }

  /** Lets the next scheduler go on at once. A save that was not sent yet is located anew. */
  async function giveBack(id: JobId, run: number, log: Logger): Promise<void> {
    await store(id, run, (job, open) => {
      const at: RunState = open.at.state === 'asking' ? { state: 'locating', attempt: open.at.attempt } : open.at;
      return { ...job, open: { ...open, at, aliveUntilMs: clock.nowMs() } };
    });
    log.info('a run was left to the next scheduler');
  }

  /** Writes the history first: doing so again after a crash changes nothing. */
  async function end(id: JobId, open: OpenRun, at: RunStateAt<'ended'>, log: Logger): Promise<void> {
    const endedAtMs = clock.nowMs();
    if ((await jobs.get(id)) === undefined) return log.info('a run ended after its job was removed');
    await jobs.addRun(id, viewOf(open, at, endedAtMs));
    await store(id, open.run, (job) => ({
      ...job,
      open: null,
      last: { run: open.run, endedAtMs, is: at.outcome.is },
    }));
    const fault: Fault | undefined = at.outcome.is === 'failed' ? at.outcome.fault : undefined;
    log.info('a run ended', { outcome: at.outcome.is, host: at.host, removed: at.removed.length, fault });
  }

  /** Says every now and then that this process is alive, so that nobody takes its run over. */
  function keepAlive(id: JobId, run: number): () => void {
    let cancel: () => void = () => undefined;
    const again = () => {
      cancel = clock.after(aliveMs / 3, () => {
        void jobs
          .change(id, (job) =>
            job.open?.run === run && job.open.runner === runner
              ? { ...job, open: { ...job.open, aliveUntilMs: clock.nowMs() + aliveMs } }
              : undefined,
          )
          .catch((error: unknown) => by.log.warn('a run could not be kept alive', { fault: faultOf(error) }));
        again();
      });
    };
    again();
    return () => cancel();
  }

  function begin(job: JobRecord, open: OpenRun): void {
    const id = { client: job.client, name: job.name };
    const key = keyOf(job.client, job.name);
    const log = by.log.with({ client: job.client, job: job.name, vm: job.vm, run: open.run });
    const letGo = keepAlive(id, open.run);
    const ended = drive(job, log)
      .catch((error: unknown) => log.error('a run was left open', { fault: faultOf(error) }))
      .finally(() => {
        letGo();
        active.delete(key);
        by.onEnded();
      });
    active.set(key, { vm: job.vm, ended });
  }

  return {
    async start(id, trigger, dueAtMs) {
      if (stopping.signal.aborted) return undefined;
      const claimed = await jobs.change(id, (job) => claim(job, { trigger, dueAtMs, runner, nowMs: clock.nowMs() }));
      if (claimed?.open == null) return undefined;
      begin(claimed, claimed.open);
      return claimed.open.run;
    },

    async takeOver(id) {
      if (stopping.signal.aborted || active.has(keyOf(id.client, id.name))) return;
      const taken = await jobs.change(id, (job) => {
        const nowMs = clock.nowMs();
        if (job.open === null || job.open.aliveUntilMs > nowMs) return undefined;
        const at = stepRun(job.open.at, { event: 'runner-lost' }) ?? job.open.at;
        return { ...job, open: { ...job.open, at, runner, aliveUntilMs: nowMs + aliveMs } };
      });
      if (taken?.open != null) begin(taken, taken.open);
    },

    isRunning: (id) => active.has(keyOf(id.client, id.name)),
    busyVms: () => new Set([...active.values()].map(({ vm }) => vm)),

    async stop() {
      stopping.abort();
      await Promise.all([...active.values()].map(({ ended }) => ended));
    },
  };
}

/** Resolves with true after the delay, with false as soon as the signal is aborted. */
function pauseUnless(signal: AbortSignal, clock: Clock, delayMs: number): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const stop = () => {
      cancel();
      resolve(false);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', stop);
      resolve(true);
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

const viewOf = (open: OpenRun, at: RunStateAt<'ended'>, endedAtMs: number): RunView => ({
  run: open.run,
  trigger: open.trigger,
  dueAtMs: open.dueAtMs,
  startedAtMs: open.startedAtMs,
  endedAtMs,
  host: at.host,
  ...(at.operation === undefined ? {} : { operation: at.operation }),
  outcome: at.outcome,
  removed: at.removed,
  kept: at.kept,
});
