import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type ClientName, clientName, type HostName } from '../../../shared/ids.ts';
import { limits } from '../../../shared/limits.ts';
import { openEmbedded } from '../../../shared/messages/frame.ts';
import { type Request, request, requestExchange } from '../../../shared/messages/request.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import { check } from '../../../shared/schema/schema.ts';
import type { Clock } from '../../../shared/time/clock.ts';

/** A client's own request, as it came inside another host's message. */
export interface ClientRequest {
  readonly client: ClientName;
  readonly request: Request;
  /** Names the frame the client signed. */
  readonly digest: Uint8Array;
  /** Until when it may be acted on, in ms since the epoch. */
  readonly untilMs: number;
}

/** How long a client lets its request wait for the turn of its VM, in ms. Nothing but a migration waits. */
export const waitMsOf = (asked: Request): number =>
  asked.verb === 'migrate' ? (asked.queueMsMax ?? limits.queueMsDefault) : 0;

/** Opens the client's request inside an offer: signed by a client, for the source. MESSAGE_* where it is not. */
export type OpenRequest = (bytes: Uint8Array, source: HostName) => ClientRequest;

export const openRequestBy =
  (by: { trust: Trust; clock: Clock }): OpenRequest =>
  (bytes, source) => {
    const expected = {
      type: requestExchange.name,
      kind: 'ask',
      receiver: { role: 'host', name: source },
      body: request,
    } as const;
    const frame = openEmbedded(bytes, expected, by, waitMsOf);
    const client = check(clientName, frame.sender.name);
    if (frame.sender.role !== 'client' || !client.ok)
      throw new BrokerError('MESSAGE_FORGED', 'the request was not signed by a client');
    const untilMs = frame.header.expiresAtMs + waitMsOf(frame.body);
    return { client: client.value, request: frame.body, digest: frame.digest, untilMs };
  };
