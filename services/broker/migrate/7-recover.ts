import { failedWith, timedOut } from '../machine/outcomes.ts';
import { destinationRow, destinationTriesAgain } from './destination-states.ts';
import { type Closable, closeOnDeadline, closeOnRequest, withdrawOnDeadline } from './give-up.ts';
import { sourceRow, sourceTriesAgain } from './source-states.ts';

/*
 * Recover: what happens when an answer does not come. Before the handover both sides give up and the guest runs on at the
 * source. After it nobody guesses: the source stays in doubt until the destination or the record says how it went; the
 * destination, once the record is moved, only goes forward.
 */

const waiting: readonly (readonly [Closable, string])[] = [
  ['preparing', 'QEMU'],
  ['granted', 'transfer'],
  ['receiving', 'end of the transfer'],
  ['deciding-switchover', 'decision'],
  ['awaiting-handover', 'handover'],
  ['loaded', 'handover'],
  ['handed-over', 'end of loading'],
  ['deciding-run', 'decision'],
];

export const recoverRows = {
  source: [
    sourceRow({
      from: 'deciding',
      on: 'deadline-passed',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: timedOut('decision') }),
    }),
    sourceRow({
      from: 'offering',
      on: 'deadline-passed',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: timedOut('grant') }),
      effects: () => [{ effect: 'send-release' }],
    }),
    withdrawOnDeadline('confirming', 'decision'),
    withdrawOnDeadline('transferring', 'convergence'),
    withdrawOnDeadline('forcing', 'end of the transfer'),
    withdrawOnDeadline('starting-postcopy', 'beginning of post-copy'),
    withdrawOnDeadline('deciding-switchover', 'decision of both hosts'),
    withdrawOnDeadline('switching-over', 'end of the transfer'),
    sourceRow({
      from: 'handing-over',
      on: 'failed',
      to: 'in-doubt',
      next: (s) => ({ ...s, state: 'in-doubt' }),
      effects: () => [{ effect: 'resolve-doubt' }],
    }),
    sourceRow({
      from: 'handing-over',
      on: 'deadline-passed',
      to: 'in-doubt',
      next: (s) => ({ ...s, state: 'in-doubt' }),
      effects: () => [{ effect: 'resolve-doubt' }],
    }),
    sourceRow({
      from: 'in-doubt',
      on: 'destination-running',
      to: 'clearing',
      next: (s) => ({ ...s, state: 'clearing' }),
      effects: () => [{ effect: 'destroy-copy' }],
    }),
    sourceRow({
      from: 'in-doubt',
      on: 'destination-released',
      to: 'taking-back',
      next: (s) => ({ ...s, state: 'taking-back', outcome: timedOut('answer to the handover'), released: true }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'in-doubt',
      on: 'record-unmoved',
      to: 'taking-back',
      next: (s) => ({ ...s, state: 'taking-back', outcome: timedOut('answer to the handover'), released: false }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'in-doubt',
      on: 'fence-confirmed',
      to: 'taking-back',
      next: (s, { fence, dropsMemory }) => ({
        ...s,
        state: 'taking-back',
        outcome: failedWith({ code: 'TRANSFER_FAILED', message: `${fence.host} was fenced by ${fence.by}` }),
        released: true,
        fence,
        dropsMemory,
      }),
      effects: () => [{ effect: 'take-back' }],
    }),
    sourceRow({
      from: 'taking-back',
      on: 'owner-lost',
      to: 'in-doubt',
      next: ({ outcome: _, released: __, fence: ___, dropsMemory: ____, ...s }) => ({ ...s, state: 'in-doubt' }),
      effects: () => [{ effect: 'resolve-doubt' }],
    }),
    sourceRow({
      from: 'taking-back',
      on: 'overruled',
      to: 'clearing',
      next: ({ outcome: _, released: __, fence: ___, dropsMemory: ____, ...s }) => ({ ...s, state: 'clearing' }),
      effects: () => [{ effect: 'destroy-copy' }],
    }),
    // Still unknown: wait for the deadline, then ask again.
    sourceRow({ from: 'in-doubt', on: 'unresolved', to: 'in-doubt', next: (s) => s }),
    sourceRow({
      from: 'in-doubt',
      on: 'deadline-passed',
      to: 'in-doubt',
      next: (s) => s,
      effects: () => [{ effect: 'resolve-doubt' }],
    }),
    ...sourceTriesAgain('taking-back', [{ effect: 'take-back' }]),
    sourceRow({
      from: 'withdrawing',
      on: 'withdrawn',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: s.outcome }),
    }),
    ...sourceTriesAgain('withdrawing', [{ effect: 'withdraw' }]),
    ...sourceTriesAgain('clearing', [{ effect: 'destroy-copy' }]),
  ],
  destination: [
    destinationRow({
      from: 'deciding',
      on: 'deadline-passed',
      to: 'closed',
      next: (s) => ({ ...s, state: 'closed', outcome: timedOut('decision') }),
    }),
    ...waiting.map(([from, waitingFor]) => closeOnDeadline(from, waitingFor)),
    ...waiting.map(([from]) => closeOnRequest(from, 'release-asked')),
    ...waiting.map(([from]) => closeOnRequest(from, 'cancel-asked')),
    ...destinationTriesAgain('claiming', [{ effect: 'move-owner' }]),
    ...destinationTriesAgain('running-guest', [{ effect: 'run' }]),
    ...destinationTriesAgain('closing', [{ effect: 'destroy' }]),
  ],
};
