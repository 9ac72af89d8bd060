import { faultOf } from '../../shared/errors/broker-error.ts';
import type { Logger } from '../../shared/log/logger.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { type Planned, plan, readSchedule } from './plan.ts';
import type { JobId, Jobs } from './ports.ts';
import { type JobRecord, keyOf } from './record.ts';
import type { Runner } from './runner.ts';

/** How many runs go on at once in one scheduler; what is due beyond that waits for one to end. */
const runsAtOnceMax = 32;
/** The jobs are read again at least this often, in case somebody else has changed one. */
const rescanMs = 60_000;
/** How soon after a fault of the bus. */
const afterFaultMs = 5_000;

/** Starts runs when they come due. */
export interface Loop {
  /** Plans anew: after a change of a job, after a run. */
  wake(): void;
  /** Plans no more. Resolves when the planning under way is over. */
  stop(): Promise<void>;
}

export interface LoopDependencies {
  readonly jobs: Jobs;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createLoop({ jobs, runner, clock, log }: LoopDependencies): Loop {
  let stopped = false;
  let asked = false;
  let planning: Promise<void> | undefined;
  let cancel: () => void = () => undefined;

  async function planOnce(): Promise<number> {
    const records = new Map<string, JobRecord>();
    const planned: Planned[] = [];
    for (const job of await jobs.all()) {
      const key = keyOf(job.client, job.name);
      const one = plannedOf(key, job);
      if (runner.isRunning(idOf(job))) continue;
      if (one === undefined) log.error('a job was left out, as its schedule cannot be read', { key });
      else planned.push(one);
      records.set(key, job);
    }
    const { start, takeOver, wakeAtMs } = plan(planned, runner.busyVms(), clock.nowMs());
    const idFor = (key: string) => idOf(records.get(key) as JobRecord);
    for (const key of takeOver) await runner.takeOver(idFor(key));
    const room = Math.max(0, runsAtOnceMax - runner.busyVms().size);
    for (const { key, dueAtMs } of start.slice(0, room)) {
      await runner.start(idFor(key), 'schedule', dueAtMs);
    }
    return Math.min(rescanMs, wakeAtMs === null ? rescanMs : Math.max(0, wakeAtMs - clock.nowMs()));
  }

  async function planWhileAsked(): Promise<void> {
    let delayMs = rescanMs;
    while (asked && !stopped) {
      asked = false;
      try {
        delayMs = await planOnce();
      } catch (error) {
        log.error('the jobs could not be planned', { fault: faultOf(error) });
        delayMs = afterFaultMs;
      }
    }
    if (!stopped) cancel = clock.after(delayMs, wake);
  }

  function wake(): void {
    asked = true;
    if (planning !== undefined || stopped) return;
    cancel();
    planning = planWhileAsked().finally(() => {
      planning = undefined;
      if (asked) wake();
    });
  }

  return {
    wake,
    async stop() {
      stopped = true;
      cancel();
      await planning;
    },
  };
}

const idOf = (job: JobRecord): JobId => ({ client: job.client, name: job.name });

function plannedOf(key: string, job: JobRecord): Planned | undefined {
  const read = readSchedule(job.schedule, job.timeZone, job.plannedUntilMs);
  if (!read.ok) return undefined;
  const { vm, paused, createdAtMs, plannedUntilMs, open } = job;
  return { key, vm, paused, schedule: read.schedule, createdAtMs, plannedUntilMs, open };
}
