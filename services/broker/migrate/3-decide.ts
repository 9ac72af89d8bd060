import { failedWith } from '../machine/outcomes.ts';
import { destinationRow } from './destination-states.ts';
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
      effects: () => [{ effect: 'start-transfer' }],
    }),
    sourceRow({
      from: 'confirming',
      on: 'refused',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'refused', decision: e.decision } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'confirming',
      on: 'failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'confirming',
      on: 'cancel-asked',
      to: 'withdrawing',
      next: (s) => ({ ...s, state: 'withdrawing', outcome: { is: 'cancelled' } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'deciding-switchover',
      on: 'switchover-allowed',
      to: 'switching-over',
      next: (s) => ({ ...s, state: 'switching-over' }),
      effects: () => [{ effect: 'switch-over' }],
    }),
    sourceRow({
      from: 'deciding-switchover',
      on: 'refused',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'refused', decision: e.decision } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'deciding-switchover',
      on: 'failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
  ],
  destination: [
    destinationRow({
      from: 'deciding-switchover',
      on: 'still-allowed',
      to: 'awaiting-handover',
      next: (s, e) => ({ ...s, state: 'awaiting-handover', decision: e.decision }),
    }),
    destinationRow({
      from: 'deciding-switchover',
      on: 'refused',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: { is: 'refused', decision: e.decision } }),
      effects: () => [{ effect: 'destroy' }],
    }),
    destinationRow({
      from: 'deciding-switchover',
      on: 'failed',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
    destinationRow({
      from: 'deciding-run',
      on: 'still-allowed',
      to: 'claiming',
      next: (s, e) => ({ ...s, state: 'claiming', decision: e.decision }),
      effects: () => [{ effect: 'move-owner' }],
    }),
    destinationRow({
      from: 'deciding-run',
      on: 'refused',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: { is: 'refused', decision: e.decision } }),
      effects: () => [{ effect: 'destroy' }],
    }),
    destinationRow({
      from: 'deciding-run',
      on: 'failed',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
  ],
};
