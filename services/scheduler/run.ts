import type { Fault } from '../../shared/errors/broker-error.ts';
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
