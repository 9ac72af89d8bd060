import { destinationRow } from './destination-states.ts';
import { closeOnFault, closeOnRefusal, withdrawOnCancel, withdrawOnFault, withdrawOnRefusal } from './give-up.ts';
import { lettingGo } from './postcopy.ts';
import { sourceRow } from './source-states.ts';

/*
 * Decide: a yes is not kept. It is asked for again before the first byte, at switchover on both sides, and before the
 * guest runs, so that a policy reload, a boolean or a revocation in between is noticed.
 */
export const decideRows = {
  source: [
    sourceRow({
      from: 'confirming',
      on: 'confirmed',
      to: 'transferring',
      next: (s) => ({ ...s, state: 'transferring' }),
      effects: () => [{ effect: 'start-transfer' }, { effect: 'follow-transfer' }],
    }),
    withdrawOnRefusal('confirming'),
    withdrawOnFault('confirming', 'failed'),
    withdrawOnCancel('confirming'),
    sourceRow({
      from: 'deciding-switchover',
      on: 'switchover-allowed',
      to: 'switching-over',
      next: (s) => ({ ...s, state: 'switching-over' }),
      effects: () => [{ effect: 'switch-over' }],
    }),
    sourceRow({
      from: 'deciding-switchover',
      on: 'postcopy-allowed',
      to: 'letting-go',
      next: (s) => ({ ...s, state: 'letting-go' }),
      effects: () => lettingGo,
    }),
    withdrawOnRefusal('deciding-switchover'),
    withdrawOnFault('deciding-switchover', 'failed'),
    withdrawOnCancel('deciding-switchover'),
  ],
  destination: [
    destinationRow({
      from: 'deciding-switchover',
      on: 'still-allowed',
      to: 'awaiting-handover',
      next: (s, e) => ({ ...s, state: 'awaiting-handover', decision: e.decision }),
    }),
    closeOnRefusal('deciding-switchover'),
    closeOnFault('deciding-switchover', 'failed'),
    destinationRow({
      from: 'deciding-postcopy',
      on: 'still-allowed',
      to: 'awaiting-postcopy',
      next: (s, e) => ({ ...s, state: 'awaiting-postcopy', decision: e.decision }),
    }),
    closeOnRefusal('deciding-postcopy'),
    closeOnFault('deciding-postcopy', 'failed'),
    destinationRow({
      from: 'deciding-run',
      on: 'still-allowed',
      to: 'claiming',
      next: (s, e) => ({ ...s, state: 'claiming', decision: e.decision }),
      effects: () => [{ effect: 'move-owner' }],
    }),
    closeOnRefusal('deciding-run'),
    closeOnFault('deciding-run', 'failed'),
  ],
};
