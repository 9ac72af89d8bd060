import { tableOf } from '../machine/table.ts';
import { requestRows } from './1-request.ts';
import { negotiateRows } from './2-negotiate.ts';
import { decideRows } from './3-decide.ts';
import { transferRows } from './4-transfer.ts';
import { switchoverRows } from './5-switchover.ts';
import { confirmRows } from './6-confirm.ts';
import { recoverRows } from './7-recover.ts';
import { forcesAtTimeout, forcingMsMax, transferMsMax } from './limits.ts';
import type { SourceEffect, SourceEvent, SourceState } from './source-states.ts';

const second = 1000;

/** A migration as the source sees it. The guest runs here until `handing-over`, and again from `taking-back` on. */
export const migrateSource = tableOf<SourceState, SourceEvent, SourceEffect>({
  name: 'migrate-source',
  initial: 'deciding',
  final: ['completed', 'unmoved'],
  deadlinesMs: {
    deciding: 30 * second,
    queued: (s) => s.queueMsMax,
    offering: 60 * second,
    confirming: 30 * second,
    transferring: ({ options }) => transferMsMax(options),
    forcing: forcingMsMax,
    'deciding-switchover': 15 * second,
    'switching-over': 60 * second,
    'handing-over': 30 * second,
    'in-doubt': 2 * second,
    'taking-back': 10 * second,
    withdrawing: 30 * second,
    clearing: 30 * second,
  },
  atDeadline: {
    transferring: {
      oneOf: ['deadline-passed', 'force-due'],
      is: ({ options }) => (forcesAtTimeout(options) ? 'force-due' : 'deadline-passed'),
    },
  },
  // Going back into the queue begins no new wait.
  sinceBegun: ['queued'],
  rows: [
    ...requestRows.source,
    ...negotiateRows.source,
    ...decideRows.source,
    ...transferRows.source,
    ...switchoverRows.source,
    ...confirmRows.source,
    ...recoverRows.source,
  ],
});
