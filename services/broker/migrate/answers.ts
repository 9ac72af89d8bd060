import type {
  handoverExchange,
  offerExchange,
  releaseExchange,
  switchoverExchange,
} from '../../../shared/messages/peer.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Shape } from '../../../shared/schema/schema.ts';
import type { DestinationState } from './destination-states.ts';

/*
 * What the destination answers is read off its state, and is nothing while the state does not say yet. So an answer that
 * was lost is given again, the same, however often and however late it is asked for.
 */

type Refused = { is: 'refusal'; decision: Extract<Outcome, { is: 'refused' }>['decision'] };
type Failed = { is: 'failure'; fault: Extract<Outcome, { is: 'failed' }>['fault'] };

/** The answer that tells how it ended, other than well. */
function ended(outcome: Outcome): Refused | Failed {
  switch (outcome.is) {
    case 'refused':
      return { is: 'refusal', decision: outcome.decision };
    case 'failed':
      return { is: 'failure', fault: outcome.fault };
    default:
      return { is: 'failure', fault: { code: 'OPERATION_CANCELLED', message: 'the migration was called off' } };
  }
}

export function answerToOffer(state: DestinationState): Shape<(typeof offerExchange)['answer']> | undefined {
  if (state.state === 'closed') return ended(state.outcome);
  return 'grant' in state ? state.grant : undefined;
}

export function answerToSwitchover(state: DestinationState): Shape<(typeof switchoverExchange)['answer']> | undefined {
  switch (state.state) {
    case 'closed':
      return ended(state.outcome);
    case 'awaiting-handover':
    case 'loaded':
    case 'handed-over':
    case 'awaiting-postcopy':
    case 'loading-devices':
    case 'deciding-postcopy-run':
      return { is: 'go', decision: state.decision };
    default:
      return undefined;
  }
}

export function answerToHandover(state: DestinationState): Shape<(typeof handoverExchange)['answer']> | undefined {
  if (state.state === 'completed') return { is: 'running', decision: state.decision };
  if (state.state === 'pulling' || state.state === 'cut-off') return { is: 'pulling', decision: state.decision };
  if (state.state === 'lost') return { is: 'lost', fault: state.outcome.fault };
  if (state.state !== 'closed') return undefined;
  const answer = ended(state.outcome);
  // It was released either way: the record was not moved and will not be.
  return answer.is === 'refusal' ? answer : { is: 'released', fault: answer.fault };
}

export function answerToRelease(state: DestinationState): Shape<(typeof releaseExchange)['answer']> | undefined {
  if (state.state === 'closed') return { is: 'released' };
  // What is still to be pulled is asked for by the handover, never by this.
  return state.state === 'completed' || state.state === 'lost' ? { is: 'running' } : undefined;
}
