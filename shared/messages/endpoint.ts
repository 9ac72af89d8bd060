import type { Bus, Subscription } from '../bus/bus.ts';
import { BrokerError, type Fault, faultOf } from '../errors/broker-error.ts';
import type { FaultCode } from '../errors/codes.ts';
import type { Logger } from '../log/logger.ts';
import type { Identity } from '../pki/identity.ts';
import type { Principal } from '../pki/principal.ts';
import type { Trust, Verified } from '../pki/trust.ts';
import { check, type Schema } from '../schema/schema.ts';
import type { Clock } from '../time/clock.ts';
import { type Exchange, type Notice, subjectOf } from './exchange.ts';
import { FrameError } from './frame-form.ts';
import { type OpenedFrame, openFrame } from './frame-open.ts';
import { createSeal } from './frame-seal.ts';
import type { SeenNonces } from './frame-seen.ts';

/** Typed, signed messages over the bus, in the name of one identity. */
export interface Endpoint {
  readonly self: Principal;
  /** Asks and waits for the verified answer. Rejects with BUS_*, MESSAGE_*, or USAGE_INVALID for a body without its form. */
  ask<Ask, Answer>(
    exchange: Exchange<Ask, Answer>,
    receiver: Principal,
    body: Ask,
    options?: AskOptions,
  ): Promise<Answered<Answer>>;
  /** Answers everyone whose frame passes. What the handler throws is answered in the exchange's own form of a fault. */
  serve<Ask, Answer>(
    exchange: Exchange<Ask, Answer>,
    handler: (body: Ask, context: AskContext) => Promise<Answer>,
  ): Subscription;
  /** Tells whoever listens under the receiver's name at this moment. */
  notify<Body>(notice: Notice<Body>, receiver: Principal, body: Body): void;
  /** Calls back for each notice that passes and is not older than the last one of its sender. */
  subscribe<Body>(notice: Notice<Body>, handler: (body: Body, context: { sender: Verified }) => void): Subscription;
}

export interface AskOptions {
  /** Instead of the exchange's own. */
  readonly timeoutMs?: number;
}

export interface Answered<Answer> {
  readonly answer: Answer;
  /** The frame that was asked, as it was sent. */
  readonly askBytes: Uint8Array;
  /** Names that frame. */
  readonly askDigest: Uint8Array;
  /** Who answered: the receiver that was asked, by its certificate. */
  readonly sender: Verified;
}

/** What a handler knows of an ask besides its body. */
export interface AskContext {
  readonly sender: Verified;
  /** The frame as it came, to be carried on. */
  readonly askBytes: Uint8Array;
  /** Names the frame. */
  readonly digest: Uint8Array;
  /** Until when it may be acted on, in ms since the epoch. */
  readonly expiresAtMs: number;
}

export interface EndpointDependencies {
  readonly bus: Bus;
  readonly identity: Identity;
  readonly trust: Trust;
  readonly clock: Clock;
  /** Answers with that many bytes nobody can guess. */
  readonly random: (bytes: number) => Uint8Array;
  readonly seen: SeenNonces;
  readonly log: Logger;
}

/**
 * A frame that does not pass is logged and gets no answer: whoever forged or repeated it learns nothing, and a repeated
 * ask cannot overtake the answer to the first. Two faults that an honest sender can have are answered, signed: a clock
 * that is off, and a body of another version. The sender of anything else waits for its own timeout.
 */
export function createEndpoint(by: EndpointDependencies): Endpoint {
  const { bus, log } = by;
  const self: Principal = { role: by.identity.role, name: by.identity.name };
  const seal = createSeal(by);

  function open<Body>(
    bytes: Uint8Array,
    subject: string,
    about: { type: string; kind: 'ask' | 'notice'; body: Schema<Body> },
  ) {
    return openFrame(bytes, { ...about, receiver: self, subjectSender: senderOf(subject) }, by);
  }

  function sealAnswer<A, B>(exchange: Exchange<A, B>, to: Principal, previous: Uint8Array, answer: B) {
    const body = withForm(exchange.answer, answer, 'INTERNAL');
    return seal({ type: exchange.name, kind: 'answer', to, previous, body }).bytes;
  }

  function sealFault<A, B>(exchange: Exchange<A, B>, to: Principal, previous: Uint8Array, fault: Fault) {
    if (exchange.ofFault === undefined) return undefined;
    return sealAnswer(exchange, to, previous, exchange.ofFault(fault));
  }

  return {
    self,
    async ask(exchange, receiver, body, options = {}) {
      const asked = seal({
        type: exchange.name,
        kind: 'ask',
        to: receiver,
        body: withForm(exchange.ask, body, 'USAGE_INVALID'),
      });
      const subject = subjectOf(receiver.name, self.name, exchange.name);
      const reply = await bus.request(subject, asked.bytes, options.timeoutMs ?? exchange.timeoutMs);
      const expected = { type: exchange.name, kind: 'answer', receiver: self, sender: receiver } as const;
      const opened = openFrame(reply, { ...expected, previous: asked.digest, body: exchange.answer }, by);
      return { answer: opened.body, askBytes: asked.bytes, askDigest: asked.digest, sender: opened.sender };
    },

    serve(exchange, handler) {
      const about = { type: exchange.name, kind: 'ask', body: exchange.ask } as const;
      return bus.serve(subjectOf(self.name, '*', exchange.name), async (bytes, subject) => {
        let frame: OpenedFrame<Parameters<typeof handler>[0]>;
        try {
          frame = open(bytes, subject, about);
        } catch (error) {
          log.warn('a message was not taken', { subject, check: checkOf(error), fault: faultOf(error) });
          if (!(error instanceof FrameError) || error.from === undefined || !isAnswered(error)) return undefined;
          return sealFault(exchange, error.from.sender, error.from.digest, faultOf(error));
        }
        const { sender, digest, header } = frame;
        try {
          const context = { sender, digest, askBytes: bytes, expiresAtMs: header.expiresAtMs };
          return sealAnswer(exchange, sender, digest, await handler(frame.body, context));
        } catch (error) {
          log.warn('an ask ended in a fault', { subject, fault: faultOf(error) });
          return sealFault(exchange, sender, digest, faultOf(error));
        }
      });
    },

    notify(notice, receiver, body) {
      const sealed = seal({
        type: notice.name,
        kind: 'notice',
        to: receiver,
        body: withForm(notice.body, body, 'INTERNAL'),
      });
      bus.publish(subjectOf(receiver.name, self.name, notice.name), sealed.bytes);
    },

    subscribe(notice, handler) {
      const about = { type: notice.name, kind: 'notice', body: notice.body } as const;
      const newest = new Map<string, number>();
      return bus.subscribe(subjectOf(self.name, '*', notice.name), (bytes, subject) => {
        let frame: OpenedFrame<Parameters<typeof handler>[0]>;
        try {
          frame = open(bytes, subject, about);
        } catch (error) {
          log.warn('a notice was not taken', { subject, check: checkOf(error), fault: faultOf(error) });
          return;
        }
        const { sender, header } = frame;
        if (header.sequence <= (newest.get(sender.fingerprint) ?? -1)) {
          log.debug('a notice came late', { subject });
          return;
        }
        newest.set(sender.fingerprint, header.sequence);
        handler(frame.body, { sender });
      });
    },
  };
}

/** The sender token of `carnet.v1.<receiver>.<sender>.<name>`. */
const senderOf = (subject: string): string => subject.split('.')[3] ?? '';
const checkOf = (error: unknown) => (error instanceof FrameError ? error.check : null);
const isAnswered = (error: FrameError) => error.check === 'freshness' || error.check === 'body';
function withForm<T>(schema: Schema<T>, value: T, code: FaultCode): T {
  const checked = check(schema, value);
  if (!checked.ok) throw new BrokerError(code, `a message does not have its form: ${checked.problems.join('; ')}`);
  return checked.value as T;
}
