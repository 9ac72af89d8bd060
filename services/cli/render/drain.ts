import type { Move } from '../drain/move.ts';
import { takersOf, type VmToMove, whyNot } from '../drain/plan.ts';
import { queueText } from './operation.ts';
import { shareDone } from './progress.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Where each VM of a host could go; one with nowhere to go says why, host by host. */
export function renderPlan(vms: readonly VmToMove[], style: Style): string {
  const columns: readonly Column<VmToMove>[] = [
    { heading: 'vm', cell: ({ vm }) => vm },
    { heading: 'memory', cell: ({ memoryMiB }) => `${memoryMiB} MiB`, align: 'right' },
    {
      heading: 'would go to',
      cell: (one) => (one.underWay ? `${one.underWay.peer}, under way` : takersOf(one).join(' ') || 'nowhere'),
      paint: (text, one) => (one.underWay || takersOf(one).length > 0 ? text : style.bad(text)),
    },
  ];
  const stuck = vms.filter((one) => one.underWay === undefined && takersOf(one).length === 0);
  const reasons = stuck.map((one) => `${style.bad('✗')} ${one.vm} has nowhere to go\n${lines(whyNot(one))}`);
  return renderTable(columns, vms, style) + reasons.join('');
}

const lines = (all: readonly string[]) => all.map((line) => `    ${line}\n`).join('');

/** How far every VM is. */
export function renderMoves(moves: readonly Move[], style: Style): string {
  const columns: readonly Column<Move>[] = [
    { heading: 'vm', cell: ({ vm }) => vm },
    { heading: 'to', cell: ({ to }) => to ?? '-' },
    {
      heading: 'state',
      cell: ({ end, view, waits }) =>
        end !== undefined ? (end.moved ? 'moved' : 'left') : (view?.state ?? waits ?? 'to be asked for'),
      paint: (text, { end }) => (end === undefined ? text : end.moved ? style.good(text) : style.bad(text)),
    },
    { heading: '', cell: detailOf },
  ];
  return renderTable(columns, moves, style);
}

function detailOf({ end, view }: Move): string {
  if (end !== undefined) return end.moved ? '' : end.why;
  if (view === undefined) return '';
  const share = shareDone(view.progress);
  return queueText(view) || (share === undefined ? '' : `${Math.round(share * 100)} %`);
}

/** Shows a table that changes: over itself on a terminal, elsewhere only the lines that are new. */
export function liveTable(stream: { readonly isTTY?: boolean | undefined; write(text: string): unknown }) {
  let shown: readonly string[] = [];
  return (text: string) => {
    const now = text.split('\n').slice(0, -1);
    if (stream.isTTY === true) stream.write(`${shown.length === 0 ? '' : `\u001b[${shown.length}A\u001b[J`}${text}`);
    else for (const line of now.filter((one) => !shown.includes(one))) stream.write(`${line}\n`);
    shown = now;
  };
}
