import { tableOf } from '../machine/table.ts';
import { negotiateRows } from './2-negotiate.ts';
import { decideRows } from './3-decide.ts';
import { transferRows } from './4-transfer.ts';
import { switchoverRows } from './5-switchover.ts';
import { confirmRows } from './6-confirm.ts';
import { recoverRows } from './7-recover.ts';
import type { DestinationEffect, DestinationEvent, DestinationState } from './destination-states.ts';
import { receivingMsMax } from './limits.ts';
import { postcopyRows } from './postcopy.ts';

const second = 1000;

/** A migration as the destination sees it. The guest never runs here before `running-guest`. */
export const migrateDestination = tableOf<DestinationState, DestinationEvent, DestinationEffect>({
  name: 'migrate-destination',
  initial: 'deciding',
  final: ['completed', 'closed', 'lost'],
  deadlinesMs: {
    deciding: 30 * second,
    preparing: 60 * second,
    granted: 60 * second,
    receiving: ({ options }) => receivingMsMax(options),
    'deciding-switchover': 10 * second,
    'deciding-postcopy': 10 * second,
    'awaiting-postcopy': 60 * second,
    'loading-devices': 5 * second,
    'deciding-postcopy-run': 5 * second,
    'awaiting-handover': 90 * second,
    loaded: 60 * second,
    'handed-over': 60 * second,
    'deciding-run': 10 * second,
    claiming: 2 * second,
    'running-guest': 10 * second,
    pulling: 2 * second,
    'cut-off': 10 * second,
    losing: 30 * second,
    closing: 30 * second,
  },
  rows: [
    ...negotiateRows.destination,
    ...decideRows.destination,
    ...transferRows.destination,
    ...switchoverRows.destination,
    ...confirmRows.destination,
    ...postcopyRows.destination,
    ...recoverRows.destination,
  ],
});
