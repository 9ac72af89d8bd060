import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { OperationView, Outcome } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { Effect, Event, State } from '../machine/row.ts';
import { step } from '../machine/table.ts';
import type { AnyKind, Figures, OperationRecord } from './kind.ts';
import { waitsOf } from './waits.ts';

const decisionsKept = 16;

/** A new operation, with the effects its first state begins with. */
export function newRecord(
  kind: AnyKind,
  about: Pick<OperationRecord, 'operation' | 'vm' | 'client'>,
  state: State,
  effects: readonly Effect[],
  nowMs: number,
): OperationRecord {
  return {
    ...about,
    kind: kind.name,
    startedAtMs: nowMs,
    endedAtMs: null,
    deadlineAtMs: deadlineOf(kind, state, 0, { nowMs, startedAtMs: nowMs }),
    state,
    pending: effects.map((effect, id) => ({ id, orderedIn: state.state, effect })),
    nextEffectId: effects.length,
    retries: 0,
    sinceMs: nowMs,
    lastFault: null,
    decisions: [],
    figures: {},
  };
}

/** The record after an event and the effects it orders; not ok where the table has no such arrow. */
export function advance(
  kind: AnyKind,
  record: OperationRecord,
  event: Event,
  nowMs: number,
): { ok: true; record: OperationRecord; ordered: OperationRecord['pending'] } | { ok: false } {
  const stepped = step(kind.table, record.state, event);
  if (!stepped.ok) return { ok: false };
  const again = stepped.state.state === record.state.state;
  const retries = again ? record.retries + (event.event === 'deadline-passed' ? 1 : 0) : 0;
  const ended = kind.table.final.includes(stepped.state.state);
  const ordered = stepped.effects.map((effect, index) => ({
    id: record.nextEffectId + index,
    orderedIn: stepped.state.state,
    effect,
  }));
  const { decision, peerDecision, fault } = event as { decision?: Decision; peerDecision?: Decision; fault?: Fault };
  const taken = [decision, peerDecision].filter((one) => one !== undefined);
  return {
    ok: true,
    ordered,
    record: {
      ...record,
      state: stepped.state,
      endedAtMs: ended ? nowMs : null,
      deadlineAtMs: deadlineOf(kind, stepped.state, retries, { nowMs, startedAtMs: record.startedAtMs }),
      retries,
      sinceMs: again ? record.sinceMs : nowMs,
      lastFault: fault ?? (again ? record.lastFault : null),
      pending: [...record.pending, ...ordered],
      nextEffectId: record.nextEffectId + ordered.length,
      decisions: [...record.decisions, ...taken].slice(-decisionsKept),
    },
  };
}

/** The record without an effect that is done. */
export const crossedOff = (record: OperationRecord, effectId: number): OperationRecord => ({
  ...record,
  pending: record.pending.filter((pending) => pending.id !== effectId),
});

/** The record as clients see it. */
export function viewOf(kind: AnyKind, record: OperationRecord): OperationView {
  const waits = waitsOf(kind, record);
  return {
    operation: record.operation,
    kind: record.kind,
    vm: record.vm,
    state: record.state.state,
    client: record.client,
    startedAtMs: record.startedAtMs,
    endedAtMs: record.endedAtMs,
    ...kind.about?.(record.state),
    progress: { phase: record.state.state, ...record.figures },
    decisions: [...record.decisions],
    outcome: outcomeOf(kind, record),
    ...(waits === undefined ? {} : { waits }),
  };
}

export const outcomeOf = (kind: AnyKind, record: OperationRecord): Outcome | null => kind.outcomeOf(record.state);

/** The record with figures added. One that cannot be, as after a jump of the clock, is left out: figures are for people. */
export function withFigures(record: OperationRecord, figures: Figures): OperationRecord {
  const sound = Object.entries(figures).filter(
    ([name, value]) => value >= 0 && value <= (name.endsWith('Ms') ? 1e9 : 1e15),
  );
  return { ...record, figures: { ...record.figures, ...Object.fromEntries(sound) } };
}

/** What is tried again waits twice as long each time, until it waits a minute; what is slower by itself stays as it is. */
const retryMsMax = 60_000;

/** How long the state of a record may last at most, in ms; null where it has ended. */
export function lastingMs(kind: AnyKind, state: State, retries: number): number | null {
  const deadlineMs = kind.table.lastingMs(state);
  if (deadlineMs === undefined) return null;
  return Math.max(deadlineMs, Math.min(deadlineMs * 2 ** Math.min(retries, 16), retryMsMax));
}

function deadlineOf(
  kind: AnyKind,
  state: State,
  retries: number,
  { nowMs, startedAtMs }: { nowMs: number; startedAtMs: number },
): number | null {
  const ms = lastingMs(kind, state, retries);
  if (ms === null) return null;
  return (kind.table.sinceBegun?.includes(state.state) ? startedAtMs : nowMs) + ms;
}
