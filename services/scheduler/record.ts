import { clientName, hostName, jobName, vmName } from '../../shared/ids.ts';
import { keepLast, runNumber, runTrigger, scheduleText, timeZone } from '../../shared/messages/job.ts';
import { fields, flag, integer, list, nullable, oneOf, pattern, type Shape } from '../../shared/schema/schema.ts';
import { runState } from './run.ts';

const timeMs = integer(0, Number.MAX_SAFE_INTEGER);
const hostsPerJobMax = 256;

/** A run that was claimed and has not ended. */
export const openRun = fields({
  run: runNumber,
  trigger: runTrigger,
  dueAtMs: timeMs,
  startedAtMs: timeMs,
  /** The scheduler process that runs it, and until when it is taken to be alive; it says so again while it is. */
  runner: pattern(/^[0-9a-f]{32}$/, 32, 'the id of a runner'),
  aliveUntilMs: timeMs,
  at: runState,
});
export type OpenRun = Shape<typeof openRun>;

/**
 * A job, as it is kept in the jobs bucket under `<client>.<job>`. It changes by compare-and-set only, and everything that
 * makes a run single is in this one record: a run is claimed by writing it here.
 */
export const jobRecord = fields({
  name: jobName,
  /** The client who added it, for whom it acts. */
  client: clientName,
  vm: vmName,
  schedule: scheduleText,
  timeZone,
  keepLast,
  paused: flag(),
  createdAtMs: timeMs,
  /** Every due time up to and with this one was run, or let pass. */
  plannedUntilMs: timeMs,
  /** How many runs were claimed so far. */
  runs: integer(0, Number.MAX_SAFE_INTEGER),
  /** The hosts that may hold checkpoints of this job: those that were asked for one and have not been seen without. */
  heldBy: list(hostName, hostsPerJobMax),
  open: nullable(openRun),
  last: nullable(
    fields({ run: runNumber, endedAtMs: timeMs, is: oneOf(['completed', 'refused', 'failed', 'skipped']) }),
  ),
});
export type JobRecord = Shape<typeof jobRecord>;

/** The key of a job in its bucket. Names hold no dots, so that no two jobs share one. */
export const keyOf = (client: string, job: string): string => `${client}.${job}`;

/** How long a runner is taken to be alive after it last said so. */
export const aliveMs = 30_000;

/**
 * Claims a run of a job: the record with the run open, or nothing where one is open already, or where this due time was
 * claimed by somebody else. Everything that came due until now is merged into it.
 */
export function claim(
  job: JobRecord,
  wanted: { trigger: OpenRun['trigger']; dueAtMs: number; runner: string; nowMs: number },
): JobRecord | undefined {
  if (job.open !== null) return undefined;
  const scheduled = wanted.trigger === 'schedule';
  if (scheduled && (job.paused || wanted.dueAtMs <= job.plannedUntilMs)) return undefined;
  return {
    ...job,
    runs: job.runs + 1,
    plannedUntilMs: scheduled ? Math.max(job.plannedUntilMs, wanted.dueAtMs, wanted.nowMs) : job.plannedUntilMs,
    open: {
      run: job.runs + 1,
      trigger: wanted.trigger,
      dueAtMs: wanted.dueAtMs,
      startedAtMs: wanted.nowMs,
      runner: wanted.runner,
      aliveUntilMs: wanted.nowMs + aliveMs,
      at: { state: 'locating', attempt: 1 },
    },
  };
}

/** Adds a host to those that may hold checkpoints; the one that was there longest goes when there are too many. */
export const heldBy = (job: JobRecord, host: JobRecord['heldBy'][number]): JobRecord['heldBy'] =>
  [...job.heldBy.filter((one) => one !== host), host].slice(-hostsPerJobMax);
