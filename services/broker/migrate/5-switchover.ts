import { destinationRow } from './destination-states.ts';
import { closeOnFault, withdrawOnCancel, withdrawOnFault } from './give-up.ts';
import { sourceRow } from './source-states.ts';

/*
 * Switchover: the guest is paused at the source. Both hosts have decided again; QEMU sends the rest. The VM is still the
 * source's: until its QEMU reports completed, cancelling makes the guest run on here.
 */
export const switchoverRows = {
  source: [
    withdrawOnFault('deciding-switchover', 'transfer-failed'),
    sourceRow({
      from: 'switching-over',
      on: 'sent',
      to: 'handing-over',
      next: (s) => ({ ...s, state: 'handing-over' }),
      effects: () => [{ effect: 'send-handover' }],
    }),
    withdrawOnFault('switching-over', 'transfer-failed'),
    withdrawOnFault('switching-over', 'failed'),
    withdrawOnCancel('switching-over'),
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
      from: 'granted',
      on: 'letting-go-asked',
      to: 'deciding-postcopy',
      next: (s) => ({ ...s, state: 'deciding-postcopy' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    destinationRow({
      from: 'receiving',
      on: 'letting-go-asked',
      to: 'deciding-postcopy',
      next: (s) => ({ ...s, state: 'deciding-postcopy' }),
      effects: () => [{ effect: 'decide-switchover' }],
    }),
    closeOnFault('deciding-postcopy', 'transfer-failed'),
    closeOnFault('awaiting-handover', 'transfer-failed'),
    closeOnFault('deciding-switchover', 'transfer-failed'),
  ],
};
