import { setTimeout as delay } from 'node:timers/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type JobName, jobName, type VmName, vmName } from '../../../shared/ids.ts';
import {
  type JobAnswer,
  type JobAsk,
  keepLast,
  type RunView,
  runsWanted,
  scheduleText,
  timeZone,
} from '../../../shared/messages/job.ts';
import { check, type Schema } from '../../../shared/schema/schema.ts';
import type { Ending } from '../render/fault.ts';
import { jobColumns, renderJob, renderRun, runColumns } from '../render/job.ts';
import type { Style } from '../render/style.ts';
import type { Session } from '../session.ts';
import { answered } from './answered.ts';
import { durationArgument, valid } from './arguments.ts';

export interface AddOptions {
  readonly vm: string;
  readonly every?: string;
  readonly calendar?: string;
  readonly timeZone?: string;
  readonly keepLast: string;
}
export interface RunOptions {
  readonly wait?: boolean;
  readonly timeout?: string;
}

const pollMs = 500;

/** Asks the scheduler, and answers with what is wanted or with how the command ends instead. */
async function asked<I extends JobAnswer['is']>(session: Session, ask: JobAsk, is: I) {
  return answered('the scheduler', await (await session.connect()).askScheduler(ask), is);
}

export async function add(
  session: Session,
  jobText: string | undefined,
  options: AddOptions,
): Promise<Ending | undefined> {
  const { every, calendar } = options;
  if ((every === undefined) === (calendar === undefined)) return usage('say either --every or --calendar');
  if (every !== undefined && options.timeZone !== undefined) return usage('a period has no time zone');
  return showJob(session, {
    verb: 'add',
    job: named(jobText),
    vm: valid<VmName>(vmName, options.vm),
    schedule: valid(scheduleText, every === undefined ? calendar : `every ${every}`),
    timeZone: valid(timeZone, options.timeZone ?? 'UTC'),
    keepLast: counted(keepLast, options.keepLast),
  });
}

export async function list(session: Session): Promise<Ending | undefined> {
  const got = await asked(session, { verb: 'list' }, 'jobs');
  if (!got.ok) return got.ending;
  const rows = got.answer.jobs;
  await session.list({ key: 'jobs', rows, columns: jobColumns, name: (row) => row.job, empty: 'no jobs' });
  return undefined;
}

async function showJob(session: Session, ask: JobAsk): Promise<Ending | undefined> {
  const got = await asked(session, ask, 'job');
  if (!got.ok) return got.ending;
  const value = got.answer.job;
  await session.show({ key: 'job', value, name: value.summary.job, table: (style) => renderJob(value, style) });
  return undefined;
}

export const show = (session: Session, job: string | undefined) => showJob(session, { verb: 'show', job: named(job) });
export const pause = (session: Session, job: string | undefined) =>
  showJob(session, { verb: 'pause', job: named(job) });
export const resume = (session: Session, job: string | undefined) =>
  showJob(session, { verb: 'resume', job: named(job) });

export async function history(session: Session, job: string | undefined, last: string): Promise<Ending | undefined> {
  const runs = counted(runsWanted, last);
  const got = await asked(session, { verb: 'history', job: named(job), runs }, 'runs');
  if (!got.ok) return got.ending;
  const rows = got.answer.runs;
  await session.list({ key: 'runs', rows, columns: runColumns, name: (row) => String(row.run), empty: 'no runs yet' });
  return undefined;
}

export async function remove(session: Session, jobText: string | undefined): Promise<Ending | undefined> {
  const got = await asked(session, { verb: 'remove', job: named(jobText) }, 'removed');
  if (!got.ok) return got.ending;
  const { job } = got.answer;
  const table = (style: Style) => `${style.good('✓')} job ${job} is removed; its checkpoints stay\n`;
  await session.show({ key: 'removed', value: { job }, name: job, table });
  return undefined;
}

export async function run(
  session: Session,
  jobText: string | undefined,
  options: RunOptions,
): Promise<Ending | undefined> {
  const timeoutMs = options.timeout === undefined ? undefined : durationArgument(options.timeout);
  const job = named(jobText);
  const got = await asked(session, { verb: 'run', job }, 'started');
  if (!got.ok) return got.ending;
  const { run } = got.answer;
  if (options.wait !== true) {
    const table = () => `run ${run} is started; carnet job history ${job} shows how it ends\n`;
    await session.show({ key: 'started', value: { job, run }, name: String(run), table });
    return undefined;
  }
  return followRun(session, job, run, timeoutMs);
}

/** Asks until the run is in the job's history. */
async function followRun(
  session: Session,
  job: JobName,
  run: number,
  timeoutMs: number | undefined,
): Promise<Ending | undefined> {
  const untilMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : session.io.nowMs() + timeoutMs;
  for (;;) {
    const got = await asked(session, { verb: 'history', job, runs: 50 }, 'runs');
    if (!got.ok) return got.ending;
    const value = got.answer.runs.find((one) => one.run === run);
    if (value !== undefined) {
      await session.show({ key: 'run', value, name: String(run), table: (style) => renderRun(value, style) });
      return endingOf(value);
    }
    if (session.io.nowMs() >= untilMs) {
      const message = `run ${run} has not ended within ${timeoutMs} ms`;
      return { is: 'fault', fault: { code: 'OPERATION_TIMEOUT', message, hint: 'it goes on' } };
    }
    await delay(pollMs);
  }
}

/** What a run that did not complete means for whoever waited for it. */
function endingOf({ outcome }: RunView): Ending | undefined {
  switch (outcome.is) {
    case 'completed':
      return undefined;
    case 'refused':
      return { is: 'refused', decision: outcome.decision };
    case 'failed':
      return { is: 'fault', fault: outcome.fault };
    case 'skipped':
      return { is: 'fault', fault: { code: 'VM_STATE', message: outcome.reason } };
  }
}

const named = (text: string | undefined): JobName => valid<JobName>(jobName, text);

function counted(schema: Schema<number>, text: string): number {
  const checked = check(schema, /^[0-9]+$/.test(text) ? Number(text) : undefined);
  if (!checked.ok) throw new BrokerError('USAGE_INVALID', `\`${text}\` is not a count that can be asked for`);
  return checked.value as number;
}

const usage = (message: string): Ending => ({ is: 'fault', fault: { code: 'USAGE_INVALID', message } });
