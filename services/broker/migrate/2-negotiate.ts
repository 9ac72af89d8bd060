import type { Outcome } from '../../../shared/messages/view.ts';
import { cancelled, failedWith, refusedBy } from '../machine/outcomes.ts';
import { destinationRow } from './destination-states.ts';
import { closeOnFault } from './give-up.ts';
import { type MigrateOut, sourceRow, type Wait } from './source-states.ts';

/*
 * Negotiate: each in its turn (queue/), so a host sends and takes in no more VMs at once than it may. A destination without
 * room says so before it begins anything, and the migration waits again, behind those whose destination has some. The offer carries the carnet and the client's own request. The destination decides, prepares, and only then
 * answers with a grant. Whatever goes wrong before that, the guest has not noticed anything.
 */
export const negotiateRows = {
  source: [
    sourceRow({
      from: 'queued',
      on: 'turn-given',
      to: 'offering',
      next: (s) => ({ ...s, state: 'offering' }),
      effects: () => [{ effect: 'send-offer' }],
    }),
    sourceRow({
      from: 'queued',
      on: 'failed',
      to: 'unmoved',
      next: (s, e) => ({ ...s, state: 'unmoved', outcome: failedWith(e.fault) }),
    }),
    sourceRow({
      from: 'queued',
      on: 'cancel-asked',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: cancelled }),
    }),
    sourceRow({
      from: 'queued',
      on: 'deadline-passed',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: noTurn(s) }),
    }),
    sourceRow({
      from: 'offering',
      on: 'destination-busy',
      to: 'queued',
      next: (s, e) => ({ ...s, state: 'queued', wait: waitAgain(s.wait, e) }),
    }),
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

const waitAgain = ({ sinceMs, busy }: Wait, { nowMs, untilMs }: { nowMs: number; untilMs: number }): Wait => ({
  sinceMs,
  busy: { sinceMs: busy?.sinceMs ?? nowMs, untilMs, tries: (busy?.tries ?? 0) + 1 },
});

function noTurn({ destination, wait }: MigrateOut & { readonly wait: Wait }): Outcome {
  const hint = 'let it wait longer, with --queue-timeout, or give it a higher --priority';
  return wait.busy === undefined
    ? failedWith({ code: 'OPERATION_TIMEOUT', message: 'its turn did not come in time', hint })
    : failedWith({ code: 'HOST_BUSY', message: `${destination} had no room in time`, hint });
}
