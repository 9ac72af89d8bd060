import { checkpointId, clientName, hostName, jobName, operationId, vmName } from '../ids.ts';
import { limits } from '../limits.ts';
import {
  defaultsTo,
  fields,
  flag,
  integer,
  list,
  literal,
  maybe,
  nullable,
  oneOf,
  pattern,
  real,
  type Shape,
  text,
  variant,
} from '../schema/schema.ts';
import { decision } from '../vm/decision.ts';
import { declareExchange } from './exchange.ts';
import { fault } from './fault.ts';

/** The name a scheduler has on the bus, and in its certificate. */
export const schedulerName = 'scheduler';

const timeMs = integer(0, Number.MAX_SAFE_INTEGER);

/** `every 5 s`, or a calendar expression of five or six cron fields. What it means is for the scheduler to say. */
export const scheduleText = text(100);
/** An IANA time zone, in which a calendar expression is read. */
export const timeZone = pattern(/^[A-Za-z][A-Za-z0-9_+/-]*$/, 64, 'an IANA time zone such as Europe/Berlin');
/** How many finished checkpoints of a job are kept. Never none: a job that keeps nothing saves nothing. */
export const keepLast = integer(1, limits.checkpointsPerVm);
/** How many of the last runs are asked for. */
export const runsWanted = integer(1, limits.runsPerJob);
/** A run of a job: the first is 1. */
export const runNumber = integer(1, Number.MAX_SAFE_INTEGER);

/** How a run ended. A refusal holds the questions that were answered no; all of them are in the host's audit log. */
export const runOutcome = variant('is', [
  fields({ is: literal('completed'), checkpoint: checkpointId, pauseMs: nullable(real(0, 1e9)) }),
  fields({ is: literal('refused'), decision }),
  fields({ is: literal('failed'), fault }),
  /** Nothing was asked of the host, or it had nothing to save: the VM was not running. */
  fields({ is: literal('skipped'), reason: text(1000) }),
]);
export type RunOutcome = Shape<typeof runOutcome>;

/** What asked for a run: the calendar, or a person. */
export const runTrigger = oneOf(['schedule', 'request']);
export type RunTrigger = Shape<typeof runTrigger>;

/** A checkpoint that is beyond keep-last and is still there, or a host whose checkpoints could not be seen. */
export const keptCheckpoint = fields({ host: hostName, checkpoint: maybe(checkpointId), why: text(1000) });
export type KeptCheckpoint = Shape<typeof keptCheckpoint>;

/** A run that ended. */
export const runView = fields({
  run: runNumber,
  trigger: runTrigger,
  dueAtMs: timeMs,
  startedAtMs: timeMs,
  endedAtMs: timeMs,
  /** The host that was asked last; null where none was found. */
  host: nullable(hostName),
  operation: maybe(operationId),
  outcome: runOutcome,
  /** The checkpoints that keep-last removed after this run. */
  removed: list(checkpointId, limits.checkpointsPerVm),
  kept: list(keptCheckpoint, 20),
});
export type RunView = Shape<typeof runView>;

/** A job in a list. */
const jobSummary = fields({
  job: jobName,
  vm: vmName,
  schedule: scheduleText,
  timeZone,
  keepLast,
  paused: flag(),
  /** Null while the job is paused. */
  nextDueAtMs: nullable(timeMs),
  /** The run under way. */
  open: nullable(fields({ run: runNumber, startedAtMs: timeMs, phase: text(64), host: nullable(hostName) })),
  last: nullable(
    fields({ run: runNumber, endedAtMs: timeMs, is: oneOf(['completed', 'refused', 'failed', 'skipped']) }),
  ),
});
export type JobSummary = Shape<typeof jobSummary>;

/** A job in full. */
const jobView = fields({
  summary: jobSummary,
  client: clientName,
  createdAtMs: timeMs,
  /** The next due times, were it not paused. */
  upcomingAtMs: list(timeMs, 5),
  lastRun: nullable(runView),
});
export type JobView = Shape<typeof jobView>;

/** What a client may ask of the scheduler. Each speaks of the jobs of the client who signed it, and of no other's. */
const jobAsk = variant('verb', [
  fields({
    verb: literal('add'),
    job: jobName,
    vm: vmName,
    schedule: scheduleText,
    timeZone: defaultsTo(timeZone, 'UTC'),
    keepLast,
  }),
  fields({ verb: literal('list') }),
  fields({ verb: literal('show'), job: jobName }),
  /** The last runs, newest first. */
  fields({
    verb: literal('history'),
    job: jobName,
    runs: defaultsTo(runsWanted, limits.runsPerJob),
  }),
  /** Its checkpoints stay. A run under way is not followed to its end. */
  fields({ verb: literal('remove'), job: jobName }),
  fields({ verb: literal('pause'), job: jobName }),
  /** What came due meanwhile is let pass. */
  fields({ verb: literal('resume'), job: jobName }),
  /** A run at once, besides the calendar, also of a paused job. */
  fields({ verb: literal('run'), job: jobName }),
]);
export type JobAsk = Shape<typeof jobAsk>;

const jobAnswer = variant('is', [
  fields({ is: literal('jobs'), jobs: list(jobSummary, limits.jobsPerClient) }),
  fields({ is: literal('job'), job: jobView }),
  fields({ is: literal('runs'), runs: list(runView, limits.runsPerJob) }),
  fields({ is: literal('started'), run: runNumber }),
  fields({ is: literal('removed'), job: jobName }),
  fields({ is: literal('failed'), fault }),
]);
export type JobAnswer = Shape<typeof jobAnswer>;

/** client → scheduler. Signed by the client, for whom the job will act. */
export const jobExchange = declareExchange({
  name: 'job',
  ask: jobAsk,
  answer: jobAnswer,
  timeoutMs: 15_000,
  ofFault: (fault) => ({ is: 'failed', fault }) as const,
});
