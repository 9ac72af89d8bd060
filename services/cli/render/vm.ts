import type { RunState, VmSummary, VmView } from '../../../shared/messages/view.ts';
import type { ImageSpec } from '../../../shared/vm/spec.ts';
import { fenceText } from './recovery.ts';
import type { Style } from './style.ts';
import { type Column, renderFields } from './table.ts';
import { waitsRows } from './waits.ts';

function paintState(text: string, state: RunState, style: Style): string {
  if (state === 'running') return style.good(text);
  if (state === 'in-doubt') return style.bad(text);
  return state === 'stopped' ? style.dim(text) : style.warn(text);
}

export const vmColumns: readonly Column<VmSummary>[] = [
  { heading: 'vm', cell: (row) => row.vm },
  { heading: 'host', cell: (row) => row.host },
  {
    heading: 'state',
    cell: (row) => (row.waits === undefined ? row.state : `${row.state}, waits: ${row.waits}`),
    paint: (text, row, style) => paintState(text, row.state, style),
  },
  { heading: 'epoch', cell: (row) => String(row.epoch), align: 'right' },
  { heading: 'memory', cell: (row) => `${row.memoryMiB} MiB`, align: 'right' },
  { heading: 'label', cell: (row) => row.label ?? '-' },
];

function imageText(image: ImageSpec): string {
  const backing = image.backing === undefined ? '' : `, backed by ${image.backing}`;
  return `${image.name} (${image.role}, ${image.format}${image.readonly ? ', read-only' : ''}${backing})`;
}

/** A VM in full. */
export function renderVm(view: VmView, style: Style): string {
  const { spec } = view;
  return renderFields(
    [
      ['vm', view.vm],
      ['uuid', spec.uuid],
      ['description', spec.description === '' ? undefined : spec.description],
      ['host', view.host],
      ['state', paintState(view.state, view.state, style)],
      ...waitsRows(view.waits, style),
      ['recovered', view.fence === undefined ? undefined : fenceText(view.fence)],
      ['label', view.label ?? 'none yet'],
      ['epoch', String(view.epoch)],
      ['memory', `${spec.memoryMiB} MiB`],
      ['vcpus', String(spec.vcpus)],
      ['machine', spec.machine],
      ['accelerator', view.accelerator ?? spec.accelerator],
      ...spec.images.map((image, at): [string, string] => [at === 0 ? 'images' : '', imageText(image)]),
      ['command line', spec.commandLine],
      ['process', view.pid === null ? undefined : String(view.pid)],
      ['operation', view.operation ?? undefined],
      ['console', view.console ?? undefined],
    ],
    style,
  );
}
