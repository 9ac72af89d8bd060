import type { JobSummary, JobView, RunView } from '../../../shared/messages/job.ts';
import { refusedQuestions } from '../../../shared/vm/decision.ts';
import { renderRefusedPart } from './decision.ts';
import type { Style } from './style.ts';
import { type Column, renderFields } from './table.ts';
import { durationText, timeText } from './units.ts';

type OutcomeWord = RunView['outcome']['is'];

function paintOutcome(text: string, is: OutcomeWord, style: Style): string {
  if (is === 'completed') return style.good(text);
  return is === 'skipped' ? style.warn(text) : style.bad(text);
}

/** A period means the same everywhere; a calendar is read in its time zone. */
const scheduleText = (job: JobSummary): string =>
  job.schedule.startsWith('every') ? job.schedule : `${job.schedule} ${job.timeZone}`;

function stateText(job: JobSummary): string {
  if (job.open !== null) {
    const where = job.open.host === null ? '' : ` on ${job.open.host}`;
    return `run ${job.open.run} ${job.open.phase}${where}`;
  }
  return job.paused ? 'paused' : 'waiting';
}

export const jobColumns: readonly Column<JobSummary>[] = [
  { heading: 'job', cell: (row) => row.job },
  { heading: 'vm', cell: (row) => row.vm },
  { heading: 'schedule', cell: scheduleText },
  { heading: 'keep', cell: (row) => String(row.keepLast), align: 'right' },
  { heading: 'state', cell: stateText, paint: (text, row, style) => (row.paused ? style.warn(text) : text) },
  { heading: 'next', cell: (row) => (row.nextDueAtMs === null ? '-' : timeText(row.nextDueAtMs)) },
  {
    heading: 'last run',
    cell: ({ last }) => (last === null ? '-' : `${last.is} ${timeText(last.endedAtMs)}`),
    paint: (text, { last }, style) => (last === null ? text : paintOutcome(text, last.is, style)),
  },
];

/** What there is to say of how a run ended, in one line. */
export function runText(run: RunView): string {
  const { outcome } = run;
  switch (outcome.is) {
    case 'completed': {
      const parts: string[] = [outcome.checkpoint];
      if (outcome.pauseMs !== null) parts.push(`guest paused ${durationText(outcome.pauseMs)}`);
      if (run.removed.length > 0) parts.push(`${run.removed.length} removed`);
      if (run.kept.length > 0) parts.push(`${run.kept.length} not removed`);
      return parts.join(', ');
    }
    case 'refused': {
      const missing = refusedQuestions(outcome.decision).flatMap((question) => question.missing ?? []);
      return `by ${outcome.decision.host}${missing.length === 0 ? '' : `, missing: ${missing.join(' ')}`}`;
    }
    case 'failed':
      return `${outcome.fault.message} [${outcome.fault.code}]`;
    case 'skipped':
      return outcome.reason;
  }
}

export const runColumns: readonly Column<RunView>[] = [
  { heading: 'run', cell: (row) => String(row.run), align: 'right' },
  { heading: 'due', cell: (row) => (row.trigger === 'request' ? 'asked for' : timeText(row.dueAtMs)) },
  { heading: 'started', cell: (row) => timeText(row.startedAtMs) },
  { heading: 'took', cell: (row) => durationText(row.endedAtMs - row.startedAtMs), align: 'right' },
  { heading: 'host', cell: (row) => row.host ?? '-' },
  {
    heading: 'outcome',
    cell: (row) => row.outcome.is,
    paint: (text, row, style) => paintOutcome(text, row.outcome.is, style),
  },
  { heading: 'details', cell: runText },
];

/** A run in full: what keep-last removed and what it could not, and the questions of a refusal. */
export function renderRun(run: RunView, style: Style): string {
  const fields = renderFields(
    [
      ['run', `${run.run}, ${run.trigger === 'request' ? 'asked for' : `due ${timeText(run.dueAtMs)}`}`],
      ['started', `${timeText(run.startedAtMs)}, took ${durationText(run.endedAtMs - run.startedAtMs)}`],
      ['host', run.host ?? 'none was asked'],
      ['operation', run.operation],
      ['outcome', `${paintOutcome(run.outcome.is, run.outcome.is, style)}: ${runText(run)}`],
      ...run.removed.map((checkpoint): [string, string] => ['removed', checkpoint]),
      ...run.kept.map(({ host, checkpoint, why }): [string, string] => [
        'not removed',
        `${checkpoint ?? 'checkpoints'} on ${host}: ${why}`,
      ]),
    ],
    style,
  );
  return run.outcome.is === 'refused' ? `${fields}\n${renderRefusedPart(run.outcome.decision, style)}` : fields;
}

/** A job in full, with its last run. */
export function renderJob(view: JobView, style: Style): string {
  const { summary, lastRun } = view;
  const fields = renderFields(
    [
      ['job', summary.job],
      ['acts for', view.client],
      ['vm', summary.vm],
      ['schedule', scheduleText(summary)],
      ['keep last', String(summary.keepLast)],
      ['added', timeText(view.createdAtMs)],
      ['state', stateText(summary)],
      ...view.upcomingAtMs.map((ms, i): [string, string] => [
        i > 0 ? 'then' : summary.paused ? 'would be next' : 'next',
        timeText(ms),
      ]),
    ],
    style,
  );
  return lastRun === null ? fields : `${fields}\n${style.bold('last run')}\n${renderRun(lastRun, style)}`;
}
