import { failedWith, refusedBy } from '../machine/outcomes.ts';
import { destinationRow } from './destination-states.ts';
import { closeOnFault } from './give-up.ts';
import { releasedThere } from './lost.ts';
import { sourceRow } from './source-states.ts';

/*
 * Confirm: the handover is signed, so the destination alone may move the owner record, and only then runs the guest. The
 * source destroys its copy when it knows, and takes the VM back only when the destination has released it.
 */
export const confirmRows = {
  source: [
    sourceRow({
      from: 'handing-over',
      on: 'destination-running',
      to: 'clearing',
      next: (s) => ({ ...s, state: 'clearing' }),
      effects: () => [{ effect: 'destroy-copy' }],
    }),
    sourceRow({
      from: 'handing-over',
      on: 'refused',
      to: 'taking-back',
      next: (s, e) => ({ ...s, state: 'taking-back', outcome: refusedBy(e.decision), released: true }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'handing-over',
      on: 'destination-released',
      to: 'taking-back',
      next: (s) => ({ ...s, state: 'taking-back', outcome: releasedThere, released: true }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'taking-back',
      on: 'taken-back',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: s.outcome }),
    }),
    sourceRow({
      from: 'clearing',
      on: 'cleared',
      to: 'completed',
      next: (s) => ({ ...s, state: 'completed' }),
    }),
  ],
  destination: [
    destinationRow({
      from: 'loaded',
      on: 'handover-received',
      to: 'deciding-run',
      next: (s, e) => ({ ...s, state: 'deciding-run', epoch: e.epoch }),
      effects: () => [{ effect: 'decide-run' }],
    }),
    destinationRow({
      from: 'handed-over',
      on: 'loaded',
      to: 'deciding-run',
      next: (s) => ({ ...s, state: 'deciding-run' }),
      effects: () => [{ effect: 'decide-run' }],
    }),
    closeOnFault('loaded', 'transfer-failed'),
    closeOnFault('deciding-run', 'transfer-failed'),
    closeOnFault('handed-over', 'transfer-failed'),
    destinationRow({
      from: 'claiming',
      on: 'owner-moved',
      to: 'running-guest',
      next: (s) => ({ ...s, state: 'running-guest' }),
      effects: () => [{ effect: 'run' }],
    }),
    destinationRow({
      from: 'claiming',
      on: 'owner-lost',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
    giveBack('claiming'),
    giveBack('running-guest'),
    destinationRow({
      from: 'running-guest',
      on: 'running',
      to: 'completed',
      next: (s) => ({ ...s, state: 'completed' }),
    }),
    destinationRow({
      from: 'closing',
      on: 'closed',
      to: 'closed',
      next: (s) => ({ ...s, state: 'closed' }),
    }),
  ],
};

/** A guest that never ran here is the source's, also when its record was moved. */
function giveBack(from: 'claiming' | 'running-guest') {
  return destinationRow({
    from,
    on: 'guest-lost',
    to: 'closing',
    next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
    effects: () => [{ effect: 'destroy' }],
  });
}
