import type { Fault } from '../../shared/errors/broker-error.ts';
import { type FaultCode, faultCodes } from '../../shared/errors/codes.ts';
import {
  type CheckpointId,
  checkpointId,
  type HostName,
  hostName,
  type OperationId,
  operationId,
} from '../../shared/ids.ts';
import { limits } from '../../shared/limits.ts';
import { type KeptCheckpoint, keptCheckpoint, runOutcome } from '../../shared/messages/job.ts';
import type { OperationView } from '../../shared/messages/view.ts';
import {
  fields,
  integer,
  list,
  literal,
  maybe,
  nullable,
  real,
  type Shape,
  variant,
} from '../../shared/schema/schema.ts';
import type { Decision } from '../../shared/vm/decision.ts';
import { briefRefusal } from './refusal.ts';

/*
 * A run of a job, from its claim to its outcome. Pure: the runner stores a state before it does what the state calls for,
 * and hands in what came of it.
 *
 *   locating ──► asking ──► following ──► pruning ──► ended
 *      ▲            │            │
 *      │            ▼            │
 *      └──────── waiting ◄───────┘    the VM is busy, or has gone elsewhere
 */

const attempt = integer(1, 1000);
/** How many of the checkpoints that could not be removed a run tells. */
const keptMax = 20;

/** Where a run is. `attempt` counts how often the save was tried. */
export const runState = variant('state', [
  /** The owner record is read, at every attempt: so a job follows its VM. */
  fields({ state: literal('locating'), attempt }),
  /** The save is sent to that host. Whether it arrived is unknown until the host answers. */
  fields({ state: literal('asking'), attempt, host: hostName }),
  fields({
    state: literal('waiting'),
    attempt,
    host: nullable(hostName),
    retryAtMs: integer(0, Number.MAX_SAFE_INTEGER),
  }),
  /** The host has journalled the operation, and can be asked about it. */
  fields({ state: literal('following'), attempt, host: hostName, operation: operationId }),
  /** The checkpoint is there; keep-last is applied. */
  fields({
    state: literal('pruning'),
    host: hostName,
    operation: operationId,
    checkpoint: checkpointId,
    pauseMs: nullable(real(0, 1e9)),
  }),
  fields({
    state: literal('ended'),
    host: nullable(hostName),
    operation: maybe(operationId),
    outcome: runOutcome,
    removed: list(checkpointId, limits.checkpointsPerVm),
    kept: list(keptCheckpoint, keptMax),
  }),
]);
export type RunState = Shape<typeof runState>;
export type RunStateAt<S extends RunState['state']> = Extract<RunState, { readonly state: S }>;

/** What can happen to a run. */
export type RunEvent =
  | { readonly event: 'vm-located'; readonly host: HostName }
  | { readonly event: 'vm-not-running'; readonly reason: string }
  | { readonly event: 'save-accepted'; readonly operation: OperationId }
  | { readonly event: 'save-refused'; readonly decision: Decision }
  | { readonly event: 'save-completed'; readonly checkpoint: CheckpointId; readonly pauseMs: number | null }
  /** Nothing was saved, and asking again can help. */
  | { readonly event: 'turned-away'; readonly retryAtMs: number }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'retry-due' }
  /** `holders` are the hosts that hold checkpoints of the job from now on. */
  | {
      readonly event: 'pruned';
      readonly removed: CheckpointId[];
      readonly kept: KeptCheckpoint[];
      readonly holders: HostName[];
    }
  /** The scheduler that ran it is no more; another has taken it over. */
  | { readonly event: 'runner-lost' };
type RunEventAt<E extends RunEvent['event']> = Extract<RunEvent, { readonly event: E }>;

type Rows = {
  readonly [S in RunState['state']]: {
    readonly [E in RunEvent['event']]?: (state: RunStateAt<S>, event: RunEventAt<E>) => RunState;
  };
};

type Ended = RunStateAt<'ended'>;
type Somewhere = { readonly state: string; readonly host?: HostName | null; readonly operation?: OperationId };

const ended = (state: Somewhere, outcome: Ended['outcome'], rest: Partial<Ended> = {}): Ended => ({
  state: 'ended',
  host: state.host ?? null,
  ...(state.operation === undefined ? {} : { operation: state.operation }),
  outcome,
  removed: [],
  kept: [],
  ...rest,
});
const failed = (state: Somewhere, event: { readonly fault: Fault }): Ended =>
  ended(state, { is: 'failed', fault: event.fault });
const refused = (state: Somewhere, event: { readonly decision: Decision }): Ended =>
  ended(state, { is: 'refused', decision: briefRefusal(event.decision) });
const skipped = (state: Somewhere, event: { readonly reason: string }): Ended =>
  ended(state, { is: 'skipped', reason: event.reason });
const waiting = (
  state: { readonly attempt: number; readonly host?: HostName },
  event: { readonly retryAtMs: number },
): RunState => ({ state: 'waiting', attempt: state.attempt, host: state.host ?? null, retryAtMs: event.retryAtMs });

const unknownOutcome: Fault = {
  code: 'OPERATION_UNKNOWN',
  message:
    'the scheduler stopped before the answer of the host was stored; whether the checkpoint was taken is unknown',
  hint: 'if it was taken, keep-last counts it at the next run',
};

const rows: Rows = {
  locating: {
    'vm-located': (state, { host }) => ({ state: 'asking', attempt: state.attempt, host }),
    'vm-not-running': skipped,
    'turned-away': waiting,
    failed,
    // Nothing was sent yet.
    'runner-lost': (state) => state,
  },
  asking: {
    'save-accepted': (state, { operation }) => ({ ...state, state: 'following', operation }),
    'save-refused': refused,
    'vm-not-running': skipped,
    'turned-away': waiting,
    failed,
    // Never asked a second time: the first request may have been heard.
    'runner-lost': (state) => failed(state, { fault: unknownOutcome }),
  },
  waiting: {
    'retry-due': (state) => ({ state: 'locating', attempt: state.attempt + 1 }),
    'runner-lost': (state) => state,
  },
  following: {
    'save-completed': ({ host, operation }, { checkpoint, pauseMs }) => ({
      state: 'pruning',
      host,
      operation,
      checkpoint,
      pauseMs,
    }),
    'save-refused': refused,
    'vm-not-running': skipped,
    'turned-away': waiting,
    failed,
    'runner-lost': (state) => state,
  },
  pruning: {
    pruned: (state, { removed, kept }) =>
      ended(
        state,
        { is: 'completed', checkpoint: state.checkpoint, pauseMs: state.pauseMs },
        { removed, kept: kept.slice(0, keptMax) },
      ),
    // Removing what is removed already does nothing.
    'runner-lost': (state) => state,
  },
  ended: { 'runner-lost': (state) => state },
};

/** The state after `event`, or nothing where the event has no row in that state: the caller logs it and stays. */
export function stepRun(state: RunState, event: RunEvent): RunState | undefined {
  const row = rows[state.state][event.event] as ((state: RunState, event: RunEvent) => RunState) | undefined;
  return row?.(state, event);
}

/** How often a save is tried in one run, and how long after: 1, 2, 4, 8, 15, 15 ... s. */
export const retry = { attemptsMax: 10, firstMs: 1_000, delayMsMax: 15_000 } as const;

/** Faults with which a host says that it did nothing and that the same request may do later, or elsewhere. */
const turnedAway: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'VM_BUSY',
  'VM_ELSEWHERE',
  // The owner record and the host disagree for the length of a handover.
  'VM_UNKNOWN',
  'OWNER_CONFLICT',
  'OWNER_IN_DOUBT',
  'MESSAGE_STALE',
  'BUS_NO_RESPONDER',
]);

/** What a fault means to a run: try again after a while, skip, or fail. */
export function eventOfFault(state: RunState, fault: Fault, nowMs: number): RunEvent {
  if (fault.code === 'VM_STATE') return { event: 'vm-not-running', reason: fault.message };
  const mayRetry = state.state === 'locating' ? faultCodes[fault.code].retry : turnedAway.has(fault.code);
  const tried = 'attempt' in state ? state.attempt : retry.attemptsMax;
  if (!mayRetry || tried >= retry.attemptsMax) return { event: 'failed', fault };
  const delayMs = Math.min(retry.firstMs * 2 ** (tried - 1), retry.delayMsMax);
  return { event: 'turned-away', retryAtMs: nowMs + delayMs };
}

/** What the host says of the save; nothing while it is under way. */
export function eventOfOperation(state: RunState, view: OperationView, nowMs: number): RunEvent | undefined {
  if (view.outcome === null) return undefined;
  switch (view.outcome.is) {
    case 'completed': {
      const { checkpoint } = view.outcome;
      if (checkpoint !== undefined)
        return { event: 'save-completed', checkpoint, pauseMs: view.progress.pauseMs ?? null };
      return {
        event: 'failed',
        fault: { code: 'INTERNAL', message: 'the host completed the save without a checkpoint' },
      };
    }
    case 'refused':
      return { event: 'save-refused', decision: view.outcome.decision };
    case 'failed':
      return eventOfFault(state, view.outcome.fault, nowMs);
    case 'cancelled':
      return { event: 'failed', fault: { code: 'OPERATION_CANCELLED', message: faultCodes.OPERATION_CANCELLED.text } };
  }
}
