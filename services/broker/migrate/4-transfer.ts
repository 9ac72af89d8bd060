import { failedWith } from '../machine/outcomes.ts';
import { destinationRow } from './destination-states.ts';
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
    sourceRow({
      from: 'transferring',
      on: 'transfer-failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'transferring',
      on: 'failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'transferring',
      on: 'cancel-asked',
      to: 'withdrawing',
      next: (s) => ({ ...s, state: 'withdrawing', outcome: { is: 'cancelled' } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
  ],
  destination: [
    destinationRow({
      from: 'granted',
      on: 'transfer-began',
      to: 'receiving',
      next: (s) => ({ ...s, state: 'receiving' }),
    }),
    destinationRow({
      from: 'granted',
      on: 'transfer-failed',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
    destinationRow({
      from: 'receiving',
      on: 'transfer-failed',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
  ],
};
