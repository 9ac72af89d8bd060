import { cancelled, failedWith, refusedBy } from '../machine/outcomes.ts';
import { sourceRow } from './source-states.ts';

/*
 * Request: the client's signed request was verified and journalled. Policy of this host is asked first; without its yes
 * no other host hears of it, and it does not wait for its turn.
 */
export const requestRows = {
  source: [
    sourceRow({
      from: 'deciding',
      on: 'allowed',
      to: 'queued',
      next: (s, e) => ({
        ...s,
        state: 'queued',
        carnet: e.carnet,
        wait: { sinceMs: e.decision.decidedAtMs },
        ...(e.checkpoint === undefined ? {} : { checkpoint: e.checkpoint }),
      }),
    }),
    sourceRow({
      from: 'deciding',
      on: 'refused',
      to: 'unmoved',
      next: (s, e) => ({ ...s, state: 'unmoved', outcome: refusedBy(e.decision) }),
    }),
    sourceRow({
      from: 'deciding',
      on: 'failed',
      to: 'unmoved',
      next: (s, e) => ({ ...s, state: 'unmoved', outcome: failedWith(e.fault) }),
    }),
    sourceRow({
      from: 'deciding',
      on: 'cancel-asked',
      to: 'unmoved',
      next: (s) => ({ ...s, state: 'unmoved', outcome: cancelled }),
    }),
  ],
};
