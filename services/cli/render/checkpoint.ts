import type { CheckpointSummary, CheckpointView } from '../../../shared/messages/view.ts';
import type { Style } from './style.ts';
import { type Column, renderFields } from './table.ts';
import { bytesText, durationText, timeText } from './units.ts';

export const checkpointColumns: readonly Column<CheckpointSummary>[] = [
  { heading: 'checkpoint', cell: (row) => row.checkpoint },
  { heading: 'vm', cell: (row) => row.vm },
  { heading: 'taken on', cell: (row) => row.host },
  { heading: 'taken at', cell: (row) => timeText(row.takenAtMs) },
  { heading: 'for', cell: (row) => row.takenFor },
  { heading: 'job', cell: (row) => row.job ?? '-' },
  { heading: 'size', cell: (row) => bytesText(row.bytes), align: 'right' },
  { heading: 'label', cell: (row) => row.label },
];

/** A checkpoint in full, from its signed manifest. */
export function renderCheckpoint(view: CheckpointView, style: Style): string {
  const { manifest } = view;
  return renderFields(
    [
      ['checkpoint', manifest.checkpoint],
      ['vm', manifest.carnet.spec.name],
      ['label', manifest.carnet.label],
      ['state label', manifest.stateLabel],
      ['taken on', `${manifest.carnet.host}, epoch ${manifest.carnet.epoch}`],
      ['taken at', timeText(manifest.takenAtMs)],
      ['taken for', manifest.job === undefined ? manifest.takenFor : `${manifest.takenFor}, job ${manifest.job}`],
      ['guest paused', durationText(manifest.pauseMs)],
      ['policy', manifest.carnet.policyDigest],
      ['memory', `${bytesText(manifest.memory.bytes)}, sha256 ${manifest.memory.digest}`],
      ['devices', `${bytesText(manifest.devices.bytes)}, sha256 ${manifest.devices.digest}`],
      ...manifest.disks.map((disk): [string, string] => [
        'disk',
        `${disk.spec.name}, ${bytesText(disk.bytes)}, ${disk.label}, sha256 ${disk.digest}`,
      ]),
      ['manifest', `sha256 ${view.manifestDigest}`],
      ['in use', view.inUse ? 'yes: a VM maps its memory' : 'no'],
    ],
    style,
  );
}
