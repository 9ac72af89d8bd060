import type { JobSummary, JobView, RunView } from '../../shared/messages/job.ts';
import { nextDueMs, readSchedule, upcomingMs } from './plan.ts';
import type { JobRecord } from './record.ts';

const upcomingCount = 5;

/** A job in a list, as its client sees it. */
export function summaryOf(job: JobRecord, nowMs: number): JobSummary {
  const read = readSchedule(job.schedule, job.timeZone, nowMs);
  const next = read.ok && !job.paused ? nextDueMs(read.schedule, job.createdAtMs, job.plannedUntilMs) : null;
  return {
    job: job.name,
    vm: job.vm,
    schedule: job.schedule,
    timeZone: job.timeZone,
    keepLast: job.keepLast,
    paused: job.paused,
    nextDueAtMs: next,
    open:
      job.open === null
        ? null
        : {
            run: job.open.run,
            startedAtMs: job.open.startedAtMs,
            phase: job.open.at.state,
            host: 'host' in job.open.at ? job.open.at.host : null,
          },
    last: job.last,
  };
}

/** A job in full, with its last run. */
export function viewOf(job: JobRecord, lastRun: RunView | undefined, nowMs: number): JobView {
  const read = readSchedule(job.schedule, job.timeZone, nowMs);
  return {
    summary: summaryOf(job, nowMs),
    client: job.client,
    createdAtMs: job.createdAtMs,
    upcomingAtMs: read.ok ? upcomingMs(read.schedule, job.createdAtMs, nowMs, upcomingCount) : [],
    lastRun: lastRun ?? null,
  };
}
