import type { Fault } from '../../shared/errors/broker-error.ts';
import { type FaultCode, faultCodes } from '../../shared/errors/codes.ts';
import type { OperationView } from '../../shared/messages/view.ts';
import type { RunEvent, RunState } from './run.ts';

/* What the answer of a host means to a run. Pure. */

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
