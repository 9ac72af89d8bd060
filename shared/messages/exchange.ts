import type { Fault } from '../errors/broker-error.ts';
import type { Schema } from '../schema/schema.ts';

/**
 * One exchange: who asks, what is asked, what is answered. Subject, schema and type are declared together, once.
 *
 * A subject reads `carnet.v1.<receiver>.<sender>.<exchange>`: a principal may publish `carnet.v1.*.<itself>.>` and
 * subscribe to `carnet.v1.<itself>.>`, which is all the permissions a bus needs to know.
 */
export interface Exchange<Ask, Answer> {
  readonly name: string;
  readonly ask: Schema<Ask>;
  readonly answer: Schema<Answer>;
  /** How long the asker waits, in ms. */
  readonly timeoutMs: number;
  /** The answer that reports a fault, where the exchange has one. Without it a fault is logged and nothing is answered. */
  readonly ofFault?: (fault: Fault) => Answer;
}

/** One message that nobody answers. */
export interface Notice<Body> {
  readonly name: string;
  readonly body: Schema<Body>;
}

export const declareExchange = <Ask, Answer>(exchange: Exchange<Ask, Answer>): Exchange<Ask, Answer> => exchange;
export const declareNotice = <Body>(notice: Notice<Body>): Notice<Body> => notice;

/** The subject a message of `name` travels on; `sender` may be `*` to subscribe to all. */
export const subjectOf = (receiver: string, sender: string, name: string): string =>
  `carnet.v1.${receiver}.${sender}.${name}`;
