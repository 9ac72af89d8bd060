import { destinationRow } from './destination-states.ts';
import { closeOnFault, withdrawOnCancel, withdrawOnFault } from './give-up.ts';
import { sourceRow } from './source-states.ts';

/*
 * Transfer: QEMU sends the memory while the guest runs, over TLS with the grant's one-off key. It stops by itself at
 * pre-switchover. Until then calling it off costs the guest nothing.
 */
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
