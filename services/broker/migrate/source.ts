import { tableOf } from '../machine/table.ts';
import { requestRows } from './1-request.ts';
import { negotiateRows } from './2-negotiate.ts';
import { decideRows } from './3-decide.ts';
import { transferRows } from './4-transfer.ts';
import { switchoverRows } from './5-switchover.ts';
import { confirmRows } from './6-confirm.ts';
import { recoverRows } from './7-recover.ts';
import { atTimeout, decidingMsMax, forcingMsMax, transferMsMax } from './limits.ts';
import { postcopyRows } from './postcopy.ts';
import type { SourceEffect, SourceEvent, SourceState } from './source-states.ts';

const second = 1000;

/**
 * A migration as the source sees it. The guest runs here until `handing-over` or `letting-go`, and again from `taking-back`
 * on.
 */
export const migrateSource = tableOf<SourceState, SourceEvent, SourceEffect>({
  name: 'migrate-source',
  initial: 'deciding',
  final: ['completed', 'unmoved', 'lost'],
  deadlinesMs: {
    deciding: ({ options }) => decidingMsMax(options),
    queued: (s) => s.queueMsMax,
    offering: 60 * second,
    confirming: 30 * second,
    transferring: ({ options }) => transferMsMax(options),
    forcing: forcingMsMax,
    'starting-postcopy': forcingMsMax,
    'deciding-switchover': 15 * second,
    'switching-over': 60 * second,
    'letting-go': 10 * second,
    pulling: 2 * second,
    'handing-over': 30 * second,
    'in-doubt': 2 * second,
    'taking-back': 10 * second,
    withdrawing: 30 * second,
    clearing: 30 * second,
  },
  atDeadline: {
    transferring: {
      oneOf: ['deadline-passed', 'force-due', 'postcopy-due'],
      is: ({ options }) => atTimeout(options),
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
    ...postcopyRows.source,
    ...recoverRows.source,
  ],
});
