import { failedWith } from '../machine/outcomes.ts';
import { destinationRow } from './destination-states.ts';
import { sourceRow } from './source-states.ts';

/*
 * Switchover: the guest is paused at the source. Both hosts have decided again; QEMU sends the rest. The VM is still the
 * source's: until its QEMU reports completed, cancelling makes the guest run on here.
 */
export const switchoverRows = {
  source: [
    sourceRow({
      from: 'deciding-switchover',
      on: 'transfer-failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'switching-over',
      on: 'sent',
      to: 'handing-over',
      next: (s) => ({ ...s, state: 'handing-over' }),
      effects: () => [{ effect: 'send-handover' }],
    }),
    sourceRow({
      from: 'switching-over',
      on: 'transfer-failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
    sourceRow({
      from: 'switching-over',
      on: 'failed',
      to: 'withdrawing',
      next: (s, e) => ({ ...s, state: 'withdrawing', outcome: { is: 'failed', fault: e.fault } }),
      effects: () => [{ effect: 'withdraw' }, { effect: 'send-release' }],
    }),
  ],
  destination: [
    destinationRow({
      from: 'granted',
      on: 'switchover-asked',
      to: 'deciding-switchover',
      next: (s) => ({ ...s, state: 'deciding-switchover' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    destinationRow({
      from: 'receiving',
      on: 'switchover-asked',
      to: 'deciding-switchover',
      next: (s) => ({ ...s, state: 'deciding-switchover' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    destinationRow({
      from: 'awaiting-handover',
      on: 'loaded',
      to: 'loaded',
      next: (s) => ({ ...s, state: 'loaded' }),
    }),
    destinationRow({
      from: 'awaiting-handover',
      on: 'handover-received',
      to: 'handed-over',
      next: (s, e) => ({ ...s, state: 'handed-over', epoch: e.epoch }),
    }),
    destinationRow({
      from: 'awaiting-handover',
      on: 'transfer-failed',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
    destinationRow({
      from: 'deciding-switchover',
      on: 'transfer-failed',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
  ],
};
