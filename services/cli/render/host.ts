import type { HostView } from '../../../shared/messages/request.ts';
import type { Column } from './table.ts';

/** A host that was asked: what it said, or why it did not. */
export interface AskedHost {
  readonly host: string;
  readonly address: string;
  readonly view?: HostView;
  readonly problem?: string;
}

export const hostColumns: readonly Column<AskedHost>[] = [
  { heading: 'host', cell: (row) => row.host },
  {
    heading: 'state',
    cell: (row) => (row.view === undefined ? 'no answer' : 'ready'),
    paint: (text, row, style) => (row.view === undefined ? style.bad(text) : style.good(text)),
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
