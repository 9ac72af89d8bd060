import { cancelled, failedWith, refusedBy } from '../machine/outcomes.ts';
import { destinationRow } from './destination-states.ts';
import { closeOnFault } from './give-up.ts';
import { sourceRow } from './source-states.ts';

/*
 * Negotiate: the offer carries the carnet and the client's own request. The destination decides, prepares, and only then
 * answers with a grant. Whatever goes wrong before that, the guest has not noticed anything.
 */
export const negotiateRows = {
  source: [
    sourceRow({
      from: 'offering',
      on: 'granted',
      to: 'confirming',
      next: (s, e) => ({ ...s, state: 'confirming', grant: e.grant }),
      effects: () => [{ effect: 'decide-first-byte' }],
    }),
    sourceRow({
      from: 'offering',
      on: 'refused',
      to: 'unmoved',
      next: (s, e) => ({ ...s, state: 'unmoved', outcome: refusedBy(e.decision) }),
    }),
    // The offer may have arrived although its answer did not: the destination is told.
    sourceRow({
      from: 'offering',
      on: 'failed',
      to: 'unmoved',
      next: (s, e) => ({ ...s, state: 'unmoved', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'send-release' }],
    }),
    sourceRow({
      from: 'offering',
      on: 'cancel-asked',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: cancelled }),
      effects: () => [{ effect: 'send-release' }],
    }),
  ],
  destination: [
    destinationRow({
      from: 'deciding',
      on: 'allowed',
      to: 'preparing',
      next: (s, e) => ({ ...s, state: 'preparing', label: e.label, decision: e.decision }),
      effects: () => [{ effect: 'prepare' }],
    }),
    destinationRow({
      from: 'deciding',
      on: 'refused',
      to: 'closed',
      next: (s, e) => ({ ...s, state: 'closed', outcome: refusedBy(e.decision) }),
    }),
    destinationRow({
      from: 'deciding',
      on: 'failed',
      to: 'closed',
      next: (s, e) => ({ ...s, state: 'closed', outcome: failedWith(e.fault) }),
    }),
    destinationRow({
      from: 'deciding',
      on: 'release-asked',
      to: 'closed',
      next: (s) => ({ ...s, state: 'closed', outcome: cancelled }),
    }),
    destinationRow({
      from: 'deciding',
      on: 'cancel-asked',
      to: 'closed',
      next: (s) => ({ ...s, state: 'closed', outcome: cancelled }),
    }),
    destinationRow({
      from: 'preparing',
      on: 'prepared',
      to: 'granted',
      next: (s, e) => ({ ...s, state: 'granted', grant: e.grant }),
    }),
    closeOnFault('preparing', 'failed'),
  ],
};
