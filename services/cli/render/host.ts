import type { HostView } from '../../../shared/messages/request.ts';
import type { Style } from './style.ts';
import { type Column, renderFields } from './table.ts';
import { timeText } from './units.ts';

/** A host that was asked: what it said, or why it did not. */
export interface AskedHost {
  readonly host: string;
  readonly address: string;
  readonly view?: HostView;
  readonly problem?: string;
}

const stateOf = ({ view }: AskedHost): string =>
  view === undefined ? 'no answer' : view.draining === undefined ? 'ready' : 'draining';

/** A host in full. */
export function renderHost({ host, address, view, problem }: AskedHost, style: Style): string {
  const of = (count: number, max: number) => `${count} of at most ${max}`;
  return renderFields(
    [
      ['host', host],
      ['address', address],
      ['state', view === undefined ? `no answer: ${problem}` : stateOf({ host, address, view })],
      ['drained for', view?.draining && `${view.draining.by}, since ${timeText(view.draining.sinceMs)}`],
      ['sends', view?.migrations && of(view.migrations.outbound, view.migrations.outboundMax)],
      ['takes in', view?.migrations && of(view.migrations.inbound, view.migrations.inboundMax)],
      ['waiting', view?.migrations && String(view.migrations.waiting)],
      ['free memory', view?.freeMemoryMiB === undefined ? undefined : `${view.freeMemoryMiB} MiB`],
      ['qemu', view?.qemuVersion],
      ['accelerators', view?.accelerators.join(' ')],
      ['policy', view?.policyDigest],
      ['mode', view && (view.enforcing ? 'enforcing' : 'permissive')],
      ['confinement', view && (view.confined ? 'by the kernel' : 'by decision only')],
      ['context', view?.context],
    ],
    style,
  );
}

export const hostColumns: readonly Column<AskedHost>[] = [
  { heading: 'host', cell: (row) => row.host },
  {
    heading: 'state',
    cell: stateOf,
    paint: (text, row, style) => (stateOf(row) === 'ready' ? style.good(text) : style.bad(text)),
  },
  { heading: 'address', cell: (row) => row.address },
  { heading: 'qemu', cell: (row) => row.view?.qemuVersion ?? '-' },
  { heading: 'accelerators', cell: (row) => row.view?.accelerators.join(' ') || '-' },
  { heading: 'policy', cell: (row) => row.view?.policyDigest.slice(0, 12) ?? '-' },
  {
    heading: 'mode',
    cell: (row) => (row.view === undefined ? '-' : row.view.enforcing ? 'enforcing' : 'permissive'),
  },
  {
    heading: 'confinement',
    cell: (row) => (row.view === undefined ? '-' : row.view.confined ? 'by the kernel' : 'by decision only'),
  },
  { heading: 'context', cell: (row) => row.view?.context ?? '-' },
];
