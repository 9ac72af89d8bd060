import type { HostName } from '../../../shared/ids.ts';
import type {
  explainExchange,
  handoverExchange,
  letGoExchange,
  offerExchange,
  releaseExchange,
  switchoverExchange,
  whoHasExchange,
} from '../../../shared/messages/peer.ts';
import type { Shape } from '../../../shared/schema/schema.ts';

type Ask<X extends { readonly ask: unknown }> = Shape<X['ask']>;
type Answer<X extends { readonly answer: unknown }> = Shape<X['answer']>;

/** The other hosts, as this one asks them. Every answer was verified to come from the host that was asked. */
export interface Peers {
  /** Every other host of the fleet that this one knows. BUS_* where the bus cannot say. */
  others(): Promise<readonly HostName[]>;
  /** `offerDigest` is the SHA-256 of the frame that was sent: it goes into the transfer's key. */
  offer(
    to: HostName,
    offer: Ask<typeof offerExchange>,
  ): Promise<{ answer: Answer<typeof offerExchange>; offerDigest: Uint8Array }>;
  explain(to: HostName, ask: Ask<typeof explainExchange>): Promise<Answer<typeof explainExchange>>;
  switchover(to: HostName, ask: Ask<typeof switchoverExchange>): Promise<Answer<typeof switchoverExchange>>;
  handover(to: HostName, ask: Ask<typeof handoverExchange>): Promise<Answer<typeof handoverExchange>>;
  letGo(to: HostName, ask: Ask<typeof letGoExchange>): Promise<Answer<typeof letGoExchange>>;
  whoHas(to: HostName, ask: Ask<typeof whoHasExchange>): Promise<Answer<typeof whoHasExchange>>;
  release(to: HostName, ask: Ask<typeof releaseExchange>): Promise<Answer<typeof releaseExchange>>;
}
