import { cancelled, failedWith, refusedBy, timedOut } from '../machine/outcomes.ts';
import { type DestinationEffect, type DestinationState, destinationRow } from './destination-states.ts';
import { type SourceEffect, type SourceState, sourceRow } from './source-states.ts';

/*
 * The rows by which either side gives a migration up while the VM is still the source's. They differ in where they start and
 * in why; what follows is always the same.
 */

/** Where a transfer can still be called off: the VM is the source's, and nothing was handed over. */
type Withdrawable = Extract<
  SourceState['state'],
  | 'confirming'
  | 'transferring'
  | 'forcing'
  | 'starting-postcopy'
  | 'deciding-switchover'
  | 'switching-over'
  | 'letting-go'
>;
const withdrawal: readonly SourceEffect[] = [{ effect: 'withdraw' }, { effect: 'send-release' }];

/** The row that calls a transfer off because of a fault: the guest runs on here, and the destination is told. */
export const withdrawOnFault = (from: Withdrawable, on: 'failed' | 'transfer-failed') =>
  sourceRow({
    from,
    on,
    to: 'withdrawing',
    next: (s, e) => ({ ...s, state: 'withdrawing', outcome: failedWith(e.fault) }),
    effects: () => withdrawal,
  });

/** The same because policy said no, here or there. */
export const withdrawOnRefusal = (from: Withdrawable) =>
  sourceRow({
    from,
    on: 'refused',
    to: 'withdrawing',
    next: (s, e) => ({ ...s, state: 'withdrawing', outcome: refusedBy(e.decision) }),
    effects: () => withdrawal,
  });

/** The same because somebody asked. */
export const withdrawOnCancel = (from: Withdrawable) =>
  sourceRow({
    from,
    on: 'cancel-asked',
    to: 'withdrawing',
    next: (s) => ({ ...s, state: 'withdrawing', outcome: cancelled }),
    effects: () => withdrawal,
  });

/** The same because something did not come in time. */
export const withdrawOnDeadline = (from: Withdrawable, waitingFor: string) =>
  sourceRow({
    from,
    on: 'deadline-passed',
    to: 'withdrawing',
    next: (s) => ({ ...s, state: 'withdrawing', outcome: timedOut(waitingFor) }),
    effects: () => withdrawal,
  });

/** Where a destination can still give up: it has not begun to move the record. In post-copy it does so only when it has to. */
export type Closable = Exclude<
  DestinationState['state'],
  | 'deciding'
  | 'claiming'
  | 'running-guest'
  | 'pulling'
  | 'cut-off'
  | 'losing'
  | 'closing'
  | 'completed'
  | 'lost'
  | 'closed'
>;
const closing: readonly DestinationEffect[] = [{ effect: 'destroy' }];

/** The row that gives up because of a fault. */
export const closeOnFault = (from: Closable, on: 'failed' | 'transfer-failed') =>
  destinationRow({
    from,
    on,
    to: 'closing',
    next: (s, e) => ({ ...s, state: 'closing', outcome: failedWith(e.fault) }),
    effects: () => closing,
  });

/** The same because policy says no now. */
export const closeOnRefusal = (from: Extract<Closable, 'deciding-switchover' | 'deciding-postcopy' | 'deciding-run'>) =>
  destinationRow({
    from,
    on: 'refused',
    to: 'closing',
    next: (s, e) => ({ ...s, state: 'closing', outcome: refusedBy(e.decision) }),
    effects: () => closing,
  });

/** The same because something did not come in time. */
export const closeOnDeadline = (from: Closable, waitingFor: string) =>
  destinationRow({
    from,
    on: 'deadline-passed',
    to: 'closing',
    next: (s) => ({ ...s, state: 'closing', outcome: timedOut(waitingFor) }),
    effects: () => closing,
  });

/** The same because the source calls the transfer off, or a client does: before the record is moved either is believed. */
export const closeOnRequest = (from: Closable, on: 'release-asked' | 'cancel-asked') =>
  destinationRow({
    from,
    on,
    to: 'closing',
    next: (s) => ({ ...s, state: 'closing', outcome: cancelled }),
    effects: () => closing,
  });
