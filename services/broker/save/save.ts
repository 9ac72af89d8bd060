import { cancelled, failedWith, refusedBy, timedOut } from '../machine/outcomes.ts';
import { tableOf } from '../machine/table.ts';
import { type SaveEffect, type SaveEvent, type SaveState, saveRow, saveTriesAgain } from './states.ts';

const second = 1000;
const minute = 60 * second;

type Abandonable = Extract<SaveState['state'], 'saving' | 'sealing'>;
const failing = (from: Abandonable) =>
  saveRow({
    from,
    on: 'failed',
    to: 'abandoning',
    next: (s, e) => ({ ...s, state: 'abandoning', outcome: failedWith(e.fault) }),
    effects: () => [{ effect: 'abandon' }],
  });
const overdue = (from: Abandonable, waitingFor: string) =>
  saveRow({
    from,
    on: 'deadline-passed',
    to: 'abandoning',
    next: (s) => ({ ...s, state: 'abandoning', outcome: timedOut(waitingFor) }),
    effects: () => [{ effect: 'abandon' }],
  });
const cancellable = (from: Abandonable) =>
  saveRow({
    from,
    on: 'cancel-asked',
    to: 'abandoning',
    next: (s) => ({ ...s, state: 'abandoning', outcome: cancelled }),
    effects: () => [{ effect: 'abandon' }],
  });

/** A live checkpoint: decide, save, seal. Whatever goes wrong, the guest runs on and no half checkpoint is left. */
export const save = tableOf<SaveState, SaveEvent, SaveEffect>({
  name: 'save',
  initial: 'deciding',
  final: ['completed', 'not-saved'],
  deadlinesMs: {
    deciding: 30 * second,
    saving: 60 * minute,
    sealing: 30 * minute,
    abandoning: 15 * second,
  },
  rows: [
    saveRow({
      from: 'deciding',
      on: 'allowed',
      to: 'saving',
      next: (s, e) => ({ ...s, state: 'saving', stateLabel: e.stateLabel }),
      effects: () => [{ effect: 'save' }],
    }),
    saveRow({
      from: 'deciding',
      on: 'refused',
      to: 'not-saved',
      next: (s, e) => ({ ...s, state: 'not-saved', outcome: refusedBy(e.decision) }),
    }),
    saveRow({
      from: 'deciding',
      on: 'failed',
      to: 'not-saved',
      next: (s, e) => ({ ...s, state: 'not-saved', outcome: failedWith(e.fault) }),
    }),
    saveRow({
      from: 'deciding',
      on: 'cancel-asked',
      to: 'not-saved',
      next: (s) => ({ ...s, state: 'not-saved', outcome: cancelled }),
    }),
    saveRow({
      from: 'deciding',
      on: 'deadline-passed',
      to: 'not-saved',
      next: (s) => ({ ...s, state: 'not-saved', outcome: timedOut('decision') }),
    }),
    saveRow({
      from: 'saving',
      on: 'saved',
      to: 'sealing',
      next: (s, e) => ({ ...s, state: 'sealing', pauseMs: e.pauseMs }),
      effects: () => [{ effect: 'seal' }],
    }),
    saveRow({ from: 'sealing', on: 'sealed', to: 'completed', next: (s) => ({ ...s, state: 'completed' }) }),
    failing('saving'),
    failing('sealing'),
    overdue('saving', 'end of the save'),
    overdue('sealing', 'end of sealing'),
    cancellable('saving'),
    cancellable('sealing'),
    saveRow({ from: 'abandoning', on: 'abandoned', to: 'not-saved', next: (s) => ({ ...s, state: 'not-saved' }) }),
    ...saveTriesAgain('abandoning', [{ effect: 'abandon' }]),
  ],
});
