import { BrokerError, faultOf } from '../../shared/errors/broker-error.ts';
import type { AskContext, AskOptions, Endpoint } from '../../shared/messages/endpoint.ts';
import type { Exchange } from '../../shared/messages/exchange.ts';
import { requestExchange } from '../../shared/messages/request.ts';
import type { Principal } from '../../shared/pki/principal.ts';
import type { Verified } from '../../shared/pki/trust.ts';
import type { Life, Pace } from './chances.ts';
import { messageDelayOf, never } from './chances.ts';
import { type Links, theBus } from './links.ts';
import type { Random } from './random.ts';
import type { Time } from './time.ts';

/*
 * Messages between brokers, in the place of signed frames over NATS. What signatures give is kept: a handler is told who
 * really sent, an answer comes from whom was asked, and a client's request is what that client said. What a bus may do is
 * done: lose, repeat, overtake, deliver late or to nobody.
 */

type Handler = (body: unknown, context: AskContext) => Promise<unknown>;

/** One that is reached under a name as long as it lives. */
export interface Member {
  readonly life: Life;
  readonly self: Principal;
  readonly handlers: Map<string, Handler>;
}

/** How badly messages are treated. */
export interface Weather {
  loss: number;
  repeats: number;
}

export interface Network {
  readonly weather: Weather;
  busUp: boolean;
  endpoint(member: Member): Endpoint;
  /** Who signed a client's request, and what it says. */
  signed(frame: Uint8Array): { client: string; host: string; body: unknown; digest: Uint8Array } | undefined;
}

/** A frame stands for its bytes: nothing but the network makes one, so nobody forges one. */
interface Frame {
  readonly client: string;
  readonly host: string;
  readonly body: unknown;
  readonly digest: Uint8Array;
}

const noBytes = new Uint8Array();
const noDigest = new Uint8Array(32);

export function createNetwork(by: {
  time: Time;
  random: Random;
  pace: Pace;
  links: Links;
  find: (host: string) => Member | undefined;
}): Network {
  const { time, random, pace, links, find } = by;
  const frames = new WeakMap<Uint8Array, Frame>();
  let digests = 0;
  const newDigest = () => {
    const digest = new Uint8Array(32);
    new DataView(digest.buffer).setUint32(0, ++digests);
    return digest;
  };

  const network: Network = {
    weather: { loss: 0, repeats: 0 },
    busUp: true,
    signed: (bytes) => frames.get(bytes),
    endpoint(member) {
      const { life, self } = member;
      const sender = { ...self, fingerprint: self.name } as unknown as Verified;

      function ask<Ask, Answer>(
        exchange: Exchange<Ask, Answer>,
        receiver: Principal,
        body: Ask,
        options: AskOptions = {},
      ): ReturnType<Endpoint['ask']> {
        if (!life.up) return never();
        const named = exchange.name === 'offer' || exchange.name === requestExchange.name;
        const digest = named ? newDigest() : noDigest;
        const askBytes = self.role === 'client' ? new Uint8Array(0) : noBytes;
        if (self.role === 'client') frames.set(askBytes, { client: self.name, host: receiver.name, body, digest });
        const context: AskContext = { sender, askBytes, digest, expiresAtMs: time.nowMs() + 60_000 };
        return new Promise((resolve, reject) => {
          let settled = false;
          const settle = (act: () => void) => {
            if (settled || !life.up) return;
            settled = true;
            stopTimer();
            act();
          };
          const stopTimer = time.after(options.timeoutMs ?? exchange.timeoutMs, () =>
            settle(() => reject(new BrokerError('BUS_TIMEOUT'))),
          );
          const answered = (from: Member, answer: unknown) => {
            if (!from.life.up || random.chance(network.weather.loss)) return;
            time.after(messageDelayOf(random, pace), () => {
              if (!passes(from.self.name, self.name)) return;
              settle(() => resolve({ answer, askBytes, askDigest: digest, sender: from.self } as never));
            });
          };
          const arrive = () => {
            if (!passes(self.name, receiver.name)) return;
            const there = find(receiver.name);
            const handler = there?.life.up ? there.handlers.get(exchange.name) : undefined;
            if (there === undefined || handler === undefined) {
              settle(() => reject(new BrokerError('BUS_NO_RESPONDER')));
              return;
            }
            void handler(body, context).then(
              (answer) => answered(there, answer),
              (error: unknown) => {
                if (exchange.ofFault !== undefined) answered(there, exchange.ofFault(faultOf(error)));
              },
            );
          };
          if (!random.chance(network.weather.loss)) time.after(messageDelayOf(random, pace), arrive);
          // What a client asks carries a nonce that a broker takes once; between brokers every ask may be taken again.
          const again = self.role === 'host' && random.chance(network.weather.repeats);
          if (again) time.after(messageDelayOf(random, pace) * 3, arrive);
        }) as ReturnType<Endpoint['ask']>;
      }

      return {
        self,
        ask: ask as Endpoint['ask'],
        serve(exchange, handler) {
          member.handlers.set(exchange.name, handler as Handler);
          return { stop: () => void member.handlers.delete(exchange.name) };
        },
        notify() {},
        subscribe: () => ({ stop() {} }),
      };
    },
  };
  const passes = (from: string, to: string) =>
    network.busUp && (links.isWhole() || (links.carries(from, theBus) && links.carries(theBus, to)));
  return network;
}
