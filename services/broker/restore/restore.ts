import { cancelled, failedWith, refusedBy, timedOut } from '../machine/outcomes.ts';
import { tableOf } from '../machine/table.ts';
import {
  type Restore,
  type RestoreEffect,
  type RestoreEvent,
  type RestoreState,
  restoreRow,
  restoreTriesAgain,
} from './states.ts';

const second = 1000;
const minute = 60 * second;

/** What an undo has to know: the epoch, where one is known to be claimed. */
const about = (s: Restore & { readonly epoch?: number }) => ({
  operation: s.operation,
  vm: s.vm,
  checkpoint: s.checkpoint,
  epoch: s.epoch ?? null,
});

type Undoable = Exclude<RestoreState['state'], 'deciding' | 'undoing' | 'completed' | 'not-restored'>;
const failing = (from: Undoable) =>
  restoreRow({
    from,
    on: 'failed',
    to: 'undoing',
    next: (s, e) => ({ ...about(s), state: 'undoing', outcome: failedWith(e.fault) }),
    effects: () => [{ effect: 'undo' }],
  });
const overdue = (from: Undoable, waitingFor: string) =>
  restoreRow({
    from,
    on: 'deadline-passed',
    to: 'undoing',
    next: (s) => ({ ...about(s), state: 'undoing', outcome: timedOut(waitingFor) }),
    effects: () => [{ effect: 'undo' }],
  });
const cancellable = (from: Undoable) =>
  restoreRow({
    from,
    on: 'cancel-asked',
    to: 'undoing',
    next: (s) => ({ ...about(s), state: 'undoing', outcome: cancelled }),
    effects: () => [{ effect: 'undo' }],
  });

/** A restore: a fresh decision, every byte verified, the right to run claimed, the memory mapped, decided again, run. */
export const restore = tableOf<RestoreState, RestoreEvent, RestoreEffect>({
  name: 'restore',
  initial: 'deciding',
  final: ['completed', 'not-restored'],
  deadlinesMs: {
    deciding: 30 * second,
    verifying: 30 * minute,
    claiming: 15 * second,
    loading: 10 * minute,
    'deciding-run': 30 * second,
    'running-guest': 15 * second,
    undoing: 15 * second,
  },
  rows: [
    restoreRow({
      from: 'deciding',
      on: 'allowed',
      to: 'verifying',
      next: (s, e) => ({ ...s, state: 'verifying', label: e.label }),
      effects: () => [{ effect: 'verify' }],
    }),
    restoreRow({
      from: 'deciding',
      on: 'refused',
      to: 'not-restored',
      next: (s, e) => ({ ...s, state: 'not-restored', outcome: refusedBy(e.decision) }),
    }),
    restoreRow({
      from: 'deciding',
      on: 'failed',
      to: 'not-restored',
      next: (s, e) => ({ ...s, state: 'not-restored', outcome: failedWith(e.fault) }),
    }),
    restoreRow({
      from: 'deciding',
      on: 'cancel-asked',
      to: 'not-restored',
      next: (s) => ({ ...s, state: 'not-restored', outcome: cancelled }),
    }),
    restoreRow({
      from: 'deciding',
      on: 'deadline-passed',
      to: 'not-restored',
      next: (s) => ({ ...s, state: 'not-restored', outcome: timedOut('decision') }),
    }),
    restoreRow({
      from: 'verifying',
      on: 'verified',
      to: 'claiming',
      next: (s) => ({ ...s, state: 'claiming' }),
      effects: () => [{ effect: 'claim' }],
    }),
    restoreRow({
      from: 'claiming',
      on: 'claimed',
      to: 'loading',
      next: (s, e) => ({ ...s, state: 'loading', epoch: e.epoch }),
      effects: () => [{ effect: 'load' }],
    }),
    restoreRow({
      from: 'loading',
      on: 'loaded',
      to: 'deciding-run',
      next: (s, e) => ({ ...s, state: 'deciding-run', loadMs: e.loadMs }),
      effects: () => [{ effect: 'decide-run' }],
    }),
    restoreRow({
      from: 'deciding-run',
      on: 'still-allowed',
      to: 'running-guest',
      next: (s) => ({ ...s, state: 'running-guest' }),
      effects: () => [{ effect: 'run' }],
    }),
    restoreRow({
      from: 'deciding-run',
      on: 'refused',
      to: 'undoing',
      next: (s, e) => ({ ...about(s), state: 'undoing', outcome: refusedBy(e.decision) }),
      effects: () => [{ effect: 'undo' }],
    }),
    restoreRow({ from: 'running-guest', on: 'running', to: 'completed', next: (s) => ({ ...s, state: 'completed' }) }),
    ...(['verifying', 'claiming', 'loading', 'deciding-run', 'running-guest'] as const).map(failing),
    ...(['verifying', 'claiming', 'loading', 'deciding-run'] as const).map(cancellable),
    overdue('verifying', 'end of verification'),
    overdue('claiming', 'answer about the owner record'),
    overdue('loading', 'end of loading'),
    overdue('deciding-run', 'decision'),
    overdue('running-guest', 'running guest'),
    restoreRow({ from: 'undoing', on: 'undone', to: 'not-restored', next: (s) => ({ ...s, state: 'not-restored' }) }),
    ...restoreTriesAgain('undoing', [{ effect: 'undo' }]),
  ],
});
