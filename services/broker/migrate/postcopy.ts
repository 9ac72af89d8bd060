import { failedWith } from '../machine/outcomes.ts';
import { type DestinationEffect, destinationRow, destinationTriesAgain } from './destination-states.ts';
import { closeOnDeadline, closeOnFault, closeOnRequest, withdrawOnFault } from './give-up.ts';
import { lostAt, lostHere, releasedThere } from './lost.ts';
import { type SourceEffect, sourceRow, sourceTriesAgain } from './source-states.ts';

/*
 * Post-copy: the guest runs at the destination before all of its memory is there. What makes it different is one moment:
 * when the source's QEMU is told to go on, it can never run the guest again, and the destination cannot without it. So from
 * there neither side gives up on its own account. The handover is signed when the source's QEMU has sent everything but
 * memory; the destination moves the record and runs the guest as ever, and the copy at the source is destroyed when the
 * destination says that all of it is there. What dies meanwhile takes the guest with it: the VM is then a stopped one, and a
 * checkpoint of it is there.
 */

/** What the source does from the point of no return on. */
export const lettingGo: readonly SourceEffect[] = [{ effect: 'switch-over' }, { effect: 'await-postcopy' }];

const deciding: readonly DestinationEffect[] = [{ effect: 'decide-run' }];
const looking: readonly DestinationEffect[] = [{ effect: 'look-at-pull' }];
const ending: readonly DestinationEffect[] = [{ effect: 'end-guest' }];

export const postcopyRows = {
  source: [
    sourceRow({
      from: 'letting-go',
      on: 'postcopy-began',
      to: 'pulling',
      next: (s) => ({ ...s, state: 'pulling' }),
      effects: () => [{ effect: 'send-handover' }, { effect: 'follow-transfer' }],
    }),
    // Nothing is left to be pulled: both have all of it, as in any other migration.
    sourceRow({
      from: 'letting-go',
      on: 'sent',
      to: 'handing-over',
      next: (s) => ({ ...s, state: 'handing-over' }),
      effects: () => [{ effect: 'send-handover' }],
    }),
    // QEMU says that it did not begin.
    withdrawOnFault('letting-go', 'transfer-failed'),
    ...sourceTriesAgain('letting-go', lettingGo),
    sourceRow({ from: 'pulling', on: 'destination-pulling', to: 'pulling', next: (s) => s }),
    sourceRow({
      from: 'pulling',
      on: 'sent',
      to: 'pulling',
      next: (s) => s,
      effects: () => [{ effect: 'send-handover' }],
    }),
    sourceRow({
      from: 'pulling',
      on: 'destination-running',
      to: 'clearing',
      next: (s) => ({ ...s, state: 'clearing' }),
      effects: () => [{ effect: 'destroy-copy' }],
    }),
    sourceRow({
      from: 'pulling',
      on: 'destination-lost',
      to: 'clearing',
      next: (s, e) => ({ ...s, state: 'clearing', outcome: { is: 'failed', fault: e.lost } }),
      effects: () => [{ effect: 'destroy-copy' }],
    }),
    sourceRow({
      from: 'pulling',
      on: 'destination-released',
      to: 'taking-back',
      next: (s) => ({ ...s, state: 'taking-back', outcome: lostHere(s), released: true, dropsMemory: true }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'pulling',
      on: 'copy-released',
      to: 'taking-back',
      next: (s) => ({ ...s, state: 'taking-back', outcome: releasedThere, released: true }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'pulling',
      on: 'fence-confirmed',
      to: 'taking-back',
      next: (s, { fence, dropsMemory }) => ({
        ...s,
        state: 'taking-back',
        outcome: lostHere(s),
        released: true,
        fence,
        dropsMemory,
      }),
      effects: () => [{ effect: 'take-back' }],
    }),
    // Asking for the answer again is handing over again.
    ...sourceTriesAgain('pulling', [{ effect: 'send-handover' }]),
    sourceRow({
      from: 'clearing',
      on: 'cleared-lost',
      to: 'lost',
      next: (s, e) => ({ ...s, state: 'lost', outcome: e.outcome }),
    }),
  ],
  destination: [
    closeOnDeadline('deciding-postcopy', 'decision'),
    closeOnRequest('deciding-postcopy', 'release-asked'),
    destinationRow({
      from: 'awaiting-postcopy',
      on: 'handover-received',
      to: 'loading-devices',
      next: (s, e) => ({ ...s, state: 'loading-devices', epoch: e.epoch }),
      effects: () => [{ effect: 'await-devices' }],
    }),
    closeOnFault('awaiting-postcopy', 'transfer-failed'),
    // Before it has signed the handover the source may still find that nothing was begun.
    closeOnRequest('awaiting-postcopy', 'release-asked'),
    ...destinationTriesAgain('awaiting-postcopy', [{ effect: 'look-at-owner' }]),
    // The source has all of it and took it back, or was fenced: what is here is of no use to anybody.
    destinationRow({
      from: 'awaiting-postcopy',
      on: 'owner-lost',
      to: 'closing',
      next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
      effects: () => [{ effect: 'destroy' }],
    }),
    destinationRow({
      from: 'loading-devices',
      on: 'devices-loaded',
      to: 'deciding-postcopy-run',
      next: (s) => ({ ...s, state: 'deciding-postcopy-run' }),
      effects: () => deciding,
    }),
    closeOnFault('loading-devices', 'transfer-failed'),
    ...destinationTriesAgain('loading-devices', [{ effect: 'await-devices' }]),
    destinationRow({
      from: 'deciding-postcopy-run',
      on: 'still-allowed',
      to: 'claiming',
      next: (s, e) => ({ ...s, state: 'claiming', decision: e.decision }),
      effects: () => [{ effect: 'move-owner' }],
    }),
    destinationRow({
      from: 'deciding-postcopy-run',
      on: 'refused',
      to: 'deciding-postcopy-run',
      next: (s) => s,
    }),
    closeOnFault('deciding-postcopy-run', 'transfer-failed'),
    ...destinationTriesAgain('deciding-postcopy-run', deciding),
    destinationRow({
      from: 'running-guest',
      on: 'running-partly',
      to: 'pulling',
      next: (s) => ({ ...s, state: 'pulling' }),
      effects: () => looking,
    }),
    loses('running-guest'),
    loses('pulling'),
    loses('cut-off'),
    destinationRow({
      from: 'pulling',
      on: 'pulled',
      to: 'completed',
      next: (s) => ({ ...s, state: 'completed' }),
    }),
    destinationRow({ from: 'pulling', on: 'cut', to: 'cut-off', next: (s) => ({ ...s, state: 'cut-off' }) }),
    ...destinationTriesAgain('pulling', looking),
    ...destinationTriesAgain('cut-off', looking),
    loses('pulling', 'end-asked'),
    loses('cut-off', 'end-asked'),
    loses('cut-off', 'source-gone'),
    destinationRow({
      from: 'losing',
      on: 'ended',
      to: 'lost',
      next: (s) => ({ ...s, state: 'lost', outcome: s.outcome }),
    }),
    ...destinationTriesAgain('losing', ending),
  ],
};

/** Half of a guest is nothing to go on with. */
function loses(
  from: 'running-guest' | 'pulling' | 'cut-off',
  on: 'memory-lost' | 'end-asked' | 'source-gone' = 'memory-lost',
) {
  return destinationRow({
    from,
    on,
    to: 'losing',
    next: (s) => ({ ...s, state: 'losing', outcome: lostAt(s) }),
    effects: () => ending,
  });
}
