import { cancelled, failedWith, refusedBy, timedOut } from '../machine/outcomes.ts';
import { tableOf } from '../machine/table.ts';
import { type Start, type StartEffect, type StartEvent, type StartState, startRow, startTriesAgain } from './states.ts';

const second = 1000;

/** What an undo has to know: the epoch, where one is known to be claimed. */
const about = (s: Start & { readonly epoch?: number }) => ({
  operation: s.operation,
  vm: s.vm,
  epoch: s.epoch ?? null,
});

type Undoable = Extract<StartState['state'], 'claiming' | 'launching' | 'deciding-run' | 'running-guest'>;
const failing = (from: Undoable) =>
  startRow({
    from,
    on: 'failed',
    to: 'undoing',
    next: (s, e) => ({ ...about(s), state: 'undoing', outcome: failedWith(e.fault) }),
    effects: () => [{ effect: 'undo' }],
  });
const overdue = (from: Undoable, waitingFor: string) =>
  startRow({
    from,
    on: 'deadline-passed',
    to: 'undoing',
    next: (s) => ({ ...about(s), state: 'undoing', outcome: timedOut(waitingFor) }),
    effects: () => [{ effect: 'undo' }],
  });
const cancellable = (from: Undoable) =>
  startRow({
    from,
    on: 'cancel-asked',
    to: 'undoing',
    next: (s) => ({ ...about(s), state: 'undoing', outcome: cancelled }),
    effects: () => [{ effect: 'undo' }],
  });

/** A start: decide, claim the right to run, launch paused, decide again, run. */
export const start = tableOf<StartState, StartEvent, StartEffect>({
  name: 'start',
  initial: 'deciding',
  final: ['completed', 'not-started'],
  deadlinesMs: {
    deciding: 30 * second,
    claiming: 15 * second,
    launching: 60 * second,
    'deciding-run': 30 * second,
    'running-guest': 15 * second,
    undoing: 15 * second,
  },
  rows: [
    startRow({
      from: 'deciding',
      on: 'allowed',
      to: 'claiming',
      next: (s, e) => ({ ...s, state: 'claiming', label: e.label }),
      effects: () => [{ effect: 'claim' }],
    }),
    startRow({
      from: 'deciding',
      on: 'refused',
      to: 'not-started',
      next: (s, e) => ({ ...s, state: 'not-started', outcome: refusedBy(e.decision) }),
    }),
    startRow({
      from: 'deciding',
      on: 'failed',
      to: 'not-started',
      next: (s, e) => ({ ...s, state: 'not-started', outcome: failedWith(e.fault) }),
    }),
    startRow({
      from: 'deciding',
      on: 'cancel-asked',
      to: 'not-started',
      next: (s) => ({ ...s, state: 'not-started', outcome: cancelled }),
    }),
    startRow({
      from: 'deciding',
      on: 'deadline-passed',
      to: 'not-started',
      next: (s) => ({ ...s, state: 'not-started', outcome: timedOut('decision') }),
    }),
    startRow({
      from: 'claiming',
      on: 'claimed',
      to: 'launching',
      next: (s, e) => ({ ...s, state: 'launching', epoch: e.epoch }),
      effects: () => [{ effect: 'launch' }],
    }),
    startRow({
      from: 'launching',
      on: 'launched',
      to: 'deciding-run',
      next: (s) => ({ ...s, state: 'deciding-run' }),
      effects: () => [{ effect: 'decide-run' }],
    }),
    startRow({
      from: 'deciding-run',
      on: 'still-allowed',
      to: 'running-guest',
      next: (s) => ({ ...s, state: 'running-guest' }),
      effects: () => [{ effect: 'run' }],
    }),
    startRow({
      from: 'deciding-run',
      on: 'refused',
      to: 'undoing',
      next: (s, e) => ({ ...about(s), state: 'undoing', outcome: refusedBy(e.decision) }),
      effects: () => [{ effect: 'undo' }],
    }),
    startRow({
      from: 'running-guest',
      on: 'running',
      to: 'completed',
      next: (s) => ({ ...s, state: 'completed' }),
    }),
    failing('claiming'),
    failing('launching'),
    failing('deciding-run'),
    failing('running-guest'),
    overdue('claiming', 'answer about the owner record'),
    overdue('launching', 'QEMU'),
    overdue('deciding-run', 'decision'),
    overdue('running-guest', 'running guest'),
    cancellable('claiming'),
    cancellable('launching'),
    cancellable('deciding-run'),
    startRow({ from: 'undoing', on: 'undone', to: 'not-started', next: (s) => ({ ...s, state: 'not-started' }) }),
    ...startTriesAgain('undoing', [{ effect: 'undo' }]),
  ],
});
