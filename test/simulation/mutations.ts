import type { CorePorts } from '../../services/broker/core.ts';
import type { SimHost } from './host.ts';

/** One thing that is broken on purpose, to see that the simulation notices. */
export interface Mutation {
  readonly flushIsAwaited?: boolean;
  readonly listenersAreReused?: boolean;
  readonly ports?: (ports: CorePorts, host: SimHost) => CorePorts;
}

export const mutations: Readonly<Record<string, Mutation>> = {
  'not-awaiting-flush': { flushIsAwaited: false },
};
