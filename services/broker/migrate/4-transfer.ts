import { destinationRow } from './destination-states.ts';
import { closeOnFault, withdrawOnCancel, withdrawOnFault } from './give-up.ts';
import { type SourceEffect, sourceRow } from './source-states.ts';

/*
 * Transfer: QEMU sends the memory while the guest runs, over TLS with the grant's one-off key. It stops by itself at
 * pre-switchover. Until then calling it off costs the guest nothing. Where it takes too long, or somebody asks, the guest is
 * paused meanwhile: then what is left only becomes less. That can still be called off; the guest goes on here then.
 */

const forcing: readonly SourceEffect[] = [{ effect: 'force' }, { effect: 'follow-transfer' }];
const startingPostcopy: readonly SourceEffect[] = [{ effect: 'start-postcopy' }, { effect: 'follow-transfer' }];

export const transferRows = {
  source: [
    sourceRow({
      from: 'transferring',
      on: 'converged',
      to: 'deciding-switchover',
      next: (s) => ({ ...s, state: 'deciding-switchover' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    withdrawOnFault('transferring', 'transfer-failed'),
    withdrawOnFault('transferring', 'failed'),
    withdrawOnCancel('transferring'),
    sourceRow({
      from: 'transferring',
      on: 'force-asked',
      to: 'forcing',
      next: (s, e) => ({ ...s, state: 'forcing', forced: { by: e.by } }),
      effects: () => forcing,
    }),
    sourceRow({
      from: 'transferring',
      on: 'force-due',
      to: 'forcing',
      next: (s) => ({ ...s, state: 'forcing', forced: { by: null } }),
      effects: () => forcing,
    }),
    sourceRow({
      from: 'transferring',
      on: 'postcopy-asked',
      to: 'starting-postcopy',
      next: (s, e) => ({ ...s, state: 'starting-postcopy', postcopy: { by: e.by } }),
      effects: () => startingPostcopy,
    }),
    sourceRow({
      from: 'transferring',
      on: 'postcopy-due',
      to: 'starting-postcopy',
      next: (s) => ({ ...s, state: 'starting-postcopy', postcopy: { by: null } }),
      effects: () => startingPostcopy,
    }),
    sourceRow({
      from: 'starting-postcopy',
      on: 'converged',
      to: 'deciding-switchover',
      next: (s) => ({ ...s, state: 'deciding-switchover' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    withdrawOnFault('starting-postcopy', 'transfer-failed'),
    withdrawOnFault('starting-postcopy', 'failed'),
    withdrawOnCancel('starting-postcopy'),
    sourceRow({
      from: 'forcing',
      on: 'converged',
      to: 'deciding-switchover',
      next: (s) => ({ ...s, state: 'deciding-switchover' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    withdrawOnFault('forcing', 'transfer-failed'),
    withdrawOnFault('forcing', 'failed'),
    withdrawOnCancel('forcing'),
  ],
  destination: [
    destinationRow({
      from: 'granted',
      on: 'transfer-began',
      to: 'receiving',
      next: (s) => ({ ...s, state: 'receiving' }),
    }),
    closeOnFault('granted', 'transfer-failed'),
    closeOnFault('receiving', 'transfer-failed'),
  ],
};
