import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';

/** How operations end other than well. */
export const refusedBy = (decision: Decision): Outcome => ({ is: 'refused', decision });
export const failedWith = (fault: Fault): Outcome => ({ is: 'failed', fault });
export const timedOut = (waitingFor: string): Outcome =>
  failedWith({ code: 'OPERATION_TIMEOUT', message: `no ${waitingFor} in time` });
export const cancelled: Outcome = { is: 'cancelled' };
