import type { OperationView, Outcome, QueuePlace } from '../../../shared/messages/view.ts';
import { decisionHeading, renderDecision } from './decision.ts';
import type { Style } from './style.ts';
import { type Column, renderFields } from './table.ts';
import { bytesText, durationText, rateText, timeText } from './units.ts';
import { waitsRows } from './waits.ts';

const outcomeWord = (outcome: Outcome | null): string => outcome?.is ?? 'under way';

export const operationColumns: readonly Column<OperationView>[] = [
  { heading: 'operation', cell: (row) => row.operation },
  { heading: 'kind', cell: (row) => row.kind },
  { heading: 'vm', cell: (row) => row.vm },
  { heading: 'client', cell: (row) => row.client },
  { heading: 'started', cell: (row) => timeText(row.startedAtMs) },
  { heading: 'state', cell: ({ state, queue }) => (queue === undefined ? state : `${state} ${placeText(queue)}`) },
  {
    heading: 'outcome',
    cell: (row) => outcomeWord(row.outcome),
    paint: (text, row, style) => {
      if (row.outcome === null) return text;
      return row.outcome.is === 'completed' ? style.good(text) : style.bad(text);
    },
  },
];

const placeText = ({ position, length }: QueuePlace): string => `${position}/${length}`;

/** What a migration waits for, and since when: `2/5, until alpha may send one more, since 2026-11-24 14:02:11`. */
export function queueText({ queue, peer }: Pick<OperationView, 'queue' | 'peer'>): string {
  if (queue === undefined) return '';
  const until =
    queue.waitsFor === 'turn'
      ? 'until its host may send one more'
      : `until ${peer ?? 'its destination'} has room for one more`;
  return `${placeText(queue)}, ${until}, since ${timeText(queue.sinceMs)}`;
}

/** The figures of an operation that are known, in one line: `41.2 MiB sent at 30.1 MiB/s, downtime 12 ms`. */
export function figuresText({ kind, progress }: Pick<OperationView, 'kind' | 'progress'>): string {
  const parts: string[] = [];
  const { transferredBytes, totalMs } = progress;
  if (transferredBytes !== undefined) {
    // What is known at the end is the average; before, what QEMU says of this moment.
    const rate = totalMs === undefined ? progress.bytesPerSecond : (transferredBytes * 1000) / Math.max(1, totalMs);
    const at = rate === undefined ? '' : ` at ${rateText(rate)}`;
    parts.push(`${bytesText(transferredBytes)} ${kind === 'save' ? 'saved' : 'sent'}${at}`);
  }
  if (progress.downtimeMs !== undefined) parts.push(`downtime ${durationText(progress.downtimeMs)}`);
  if (progress.pauseMs !== undefined) parts.push(`guest paused ${durationText(progress.pauseMs)}`);
  if (progress.verifyMs !== undefined) parts.push(`verified in ${durationText(progress.verifyMs)}`);
  if (progress.loadMs !== undefined) parts.push(`loaded in ${durationText(progress.loadMs)}`);
  if (totalMs !== undefined) parts.push(`${durationText(totalMs)} in all`);
  return parts.join(', ');
}

/** How a migration was asked to go: `at most 64 MiB/s, downtime 300 ms, 10 min 0 s then force`. */
export function optionsText(options: OperationView['options']): string | undefined {
  if (options === undefined) return undefined;
  const { bandwidthBytesPerSecond, downtimeMsMax, autoConverge, timeoutMs, allowPostcopy = false } = options;
  const { onTimeout = allowPostcopy ? 'postcopy' : 'abort' } = options;
  const parts = [`downtime ${durationText(downtimeMsMax)}`];
  if (bandwidthBytesPerSecond > 0) parts.unshift(`at most ${rateText(bandwidthBytesPerSecond)}`);
  if (autoConverge === true) parts.push('auto-converge');
  if (allowPostcopy) parts.push('post-copy allowed');
  parts.push(timeoutMs === undefined ? `${onTimeout} at the timeout` : `${onTimeout} after ${durationText(timeoutMs)}`);
  return parts.join(', ');
}

/** How long nothing has been sent before it is worth saying. */
const stallShownMs = 3_000;

/** What keeps a transfer that is under way from its end, if anything does. */
export function troubleText({ outcome, progress }: Pick<OperationView, 'outcome' | 'progress'>): string | undefined {
  if (outcome !== null) return undefined;
  const { stalledForMs = 0, notConvergingForMs = 0, throttlePercent = 0, phase } = progress;
  if (phase !== 'transferring' && phase !== 'forcing') return undefined;
  const parts: string[] = [];
  if (stalledForMs >= stallShownMs) parts.push(`stalled: nothing sent for ${durationText(stalledForMs)}`);
  if (notConvergingForMs > 0) {
    const { dirtyBytesPerSecond = 0, bytesPerSecond = 0 } = progress;
    const rates = `the guest writes ${rateText(dirtyBytesPerSecond)}, ${rateText(bytesPerSecond)} are sent`;
    parts.push(`does not converge for ${durationText(notConvergingForMs)}: ${rates}`);
  }
  if (throttlePercent > 0) parts.push(`guest slowed down by ${Math.round(throttlePercent)} %`);
  return parts.length === 0 ? undefined : parts.join('; ');
}

const verbOf = { 'migrate-source': 'migrate', 'migrate-destination': 'take in' } as const;

function whatText({ kind, vm, peer }: OperationView): string {
  if (kind !== 'migrate-source' && kind !== 'migrate-destination') return `${kind} ${vm}`;
  const other = peer === undefined ? '' : kind === 'migrate-source' ? ` to ${peer}` : ` from ${peer}`;
  return `${verbOf[kind]} ${vm}${other}`;
}

/** How an operation ended, in one line; a refusal's questions are for renderDecision. */
export function renderOutcome(view: OperationView, style: Style): string {
  const figures = figuresText(view);
  const tail = figures === '' ? '' : ` ${style.dim(`(${figures})`)}`;
  const what = whatText(view);
  switch (view.outcome?.is) {
    case undefined:
      return `… ${what}: ${view.progress.phase}${tail}\n`;
    case 'completed': {
      const label = view.outcome.label === undefined ? '' : ` as ${view.outcome.label}`;
      const checkpoint = view.outcome.checkpoint === undefined ? '' : ` ${view.outcome.checkpoint}`;
      return `${style.good('✓')} ${what}${checkpoint}${label}${tail}\n`;
    }
    case 'refused':
      return `${style.bad('✗')} ${what}: ${decisionHeading(view.outcome.decision, style)}\n`;
    case 'failed':
      return `${style.bad('✗')} ${what}: ${view.outcome.fault.message} ${style.dim(`[${view.outcome.fault.code}]`)}\n`;
    case 'cancelled':
      return `${style.warn('■')} ${what}: cancelled\n`;
  }
}

/** An operation in full, with every decision that was taken on its way. */
export function renderOperation(view: OperationView, style: Style): string {
  const fields = renderFields(
    [
      ['operation', view.operation],
      ['kind', view.kind],
      ['vm', view.vm],
      [view.kind === 'migrate-destination' ? 'from' : 'to', view.peer],
      ['client', view.client],
      ['options', optionsText(view.options)],
      ['started', timeText(view.startedAtMs)],
      ['ended', view.endedAtMs === null ? undefined : timeText(view.endedAtMs)],
      ['state', view.state],
      ...waitsRows(view.waits, style),
      ['phase', view.progress.phase],
      ['waits', queueText(view) || undefined],
      ['priority', view.queue === undefined ? undefined : String(view.queue.priority)],
      ['figures', figuresText(view) || undefined],
      ['trouble', troubleText(view)],
      ['outcome', outcomeWord(view.outcome)],
      ['checkpoint', view.outcome?.is === 'completed' ? view.outcome.checkpoint : undefined],
      [
        'fault',
        view.outcome?.is === 'failed' ? `${view.outcome.fault.code}: ${view.outcome.fault.message}` : undefined,
      ],
    ],
    style,
  );
  return fields + view.decisions.map((decision) => `\n${renderDecision(decision, style)}`).join('');
}
