import type { HostName } from '../../../shared/ids.ts';
import type { Endpoint } from '../../../shared/messages/endpoint.ts';
import type { Exchange } from '../../../shared/messages/exchange.ts';
import {
  explainExchange,
  handoverExchange,
  letGoExchange,
  offerExchange,
  releaseExchange,
  switchoverExchange,
  whoHasExchange,
} from '../../../shared/messages/peer.ts';
import type { Peers } from './peers.ts';

/** Asks other hosts over the bus; `others` says which there are. */
export function createPeers(endpoint: Endpoint, others: Peers['others']): Peers {
  const asking =
    <Ask, Answer>(exchange: Exchange<Ask, Answer>) =>
    async (to: HostName, body: Ask): Promise<Answer> =>
      (await endpoint.ask(exchange, { role: 'host', name: to }, body)).answer;
  return {
    others,
    async offer(to, body) {
      const { answer, askDigest } = await endpoint.ask(offerExchange, { role: 'host', name: to }, body);
      return { answer, offerDigest: askDigest };
    },
    explain: asking(explainExchange),
    switchover: asking(switchoverExchange),
    handover: asking(handoverExchange),
    letGo: asking(letGoExchange),
    whoHas: asking(whoHasExchange),
    release: asking(releaseExchange),
  };
}
