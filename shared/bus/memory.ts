import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import type { Bucket, Bus, Subscription } from './bus.ts';
import { createMemoryBucket } from './memory-bucket.ts';
import { createStatusHandlers, handlerFailed } from './status.ts';
import { matchesSubject, requireSubject } from './subject.ts';

/** A bus inside one process, for tests and simulation: members that see what members of a real one would see. */
export interface MemoryHub {
  /** One more member, connected until it closes. */
  member(): Bus;
}

type Deliver = (data: Uint8Array, subject: string, reply: ((data: Uint8Array) => void) | undefined) => void;
type Listener = { readonly pattern: string; readonly deliver: Deliver };

/** Timeouts run on the clock that is given. Messages are delivered in the order they were sent, never within the call. */
export function createMemoryHub(clock: Clock = systemClock): MemoryHub {
  const listeners = new Set<Listener>();
  const buckets = new Map<string, Bucket>();

  function send(subject: string, data: Uint8Array, reply?: (data: Uint8Array) => void): number {
    requireSubject(subject);
    if (data.length > payloadBytesMax) throw tooLarge(data.length);
    const receivers = [...listeners].filter(({ pattern }) => matchesSubject(pattern, subject));
    for (const receiver of receivers) {
      queueMicrotask(() => {
        if (listeners.has(receiver)) receiver.deliver(Uint8Array.from(data), subject, reply);
      });
    }
    return receivers.length;
  }

  return {
    member() {
      const status = createStatusHandlers();
      const own = new Set<Listener>();
      const pending = new Set<(error: BrokerError) => void>();
      let closed = false;
      const requireOpen = () => {
        if (closed) throw new BrokerError('BUS_UNREACHABLE', 'the connection to the bus was closed');
      };
      function listen(pattern: string, deliver: Deliver): Subscription {
        requireOpen();
        requireSubject(pattern, true);
        const listener = { pattern, deliver };
        listeners.add(listener);
        own.add(listener);
        return {
          stop() {
            listeners.delete(listener);
            own.delete(listener);
          },
        };
      }
      const request = (subject: string, data: Uint8Array, timeoutMs: number) =>
        new Promise<Uint8Array>((resolve, reject) => {
          requireOpen();
          const settle = (act: () => void) => {
            cancel();
            pending.delete(fail);
            act();
          };
          const fail = (error: BrokerError) => settle(() => reject(error));
          const cancel = clock.after(timeoutMs, () => fail(new BrokerError('BUS_TIMEOUT')));
          pending.add(fail);
          const reply = (answer: Uint8Array) => queueMicrotask(() => settle(() => resolve(Uint8Array.from(answer))));
          if (send(subject, data, reply) === 0) fail(new BrokerError('BUS_NO_RESPONDER'));
        });
      return {
        request,
        serve: (pattern, handler) =>
          listen(pattern, async (data, subject, reply) => {
            try {
              const answer = await handler(data, subject);
              if (answer !== undefined) reply?.(answer);
            } catch (error) {
              status.tell(handlerFailed(subject, error));
            }
          }),
        publish(subject, data) {
          requireOpen();
          send(subject, data);
        },
        subscribe: (pattern, handler) =>
          listen(pattern, (data, subject) => {
            try {
              handler(data, subject);
            } catch (error) {
              status.tell(handlerFailed(subject, error));
            }
          }),
        async flush() {
          requireOpen();
        },
        async bucket(name, options) {
          requireOpen();
          const bucket = buckets.get(name) ?? createMemoryBucket(options?.replicas);
          buckets.set(name, bucket);
          return bucket;
        },
        onStatus: status.add,
        async close() {
          if (closed) return;
          closed = true;
          for (const listener of own) listeners.delete(listener);
          for (const fail of [...pending])
            fail(new BrokerError('BUS_UNREACHABLE', 'the connection to the bus was closed'));
          status.tell({ is: 'closed' });
        },
      };
    },
  };
}

/** nats-server's own limit; a frame is far below it. */
const payloadBytesMax = 1024 * 1024;
const tooLarge = (length: number) =>
  new BrokerError('MESSAGE_MALFORMED', `a message of ${length} bytes is too large for the bus`, {
    hint: `messages have at most ${limits.frameBytes} bytes`,
  });
