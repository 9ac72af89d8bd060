import { randomBytes } from 'node:crypto';
import type { Bus } from '../../shared/bus/bus.ts';
import { silentLogger } from '../../shared/log/logger.ts';
import { createEndpoint, type Endpoint, type EndpointDependencies } from '../../shared/messages/endpoint.ts';
import { createSeenNonces } from '../../shared/messages/frame.ts';
import type { Role } from '../../shared/pki/principal.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';
import type { TestFleet } from './pki.ts';

/** The machine's clock with timers that keep the process alive: a test that waits for a timeout must not end before it. */
export const wakefulClock: Clock = {
  nowMs: systemClock.nowMs,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** An endpoint of a member of the fleet on that bus. */
export async function createTestEndpoint(
  fleet: TestFleet,
  bus: Bus,
  role: Role,
  name: string,
  options: Partial<EndpointDependencies> = {},
): Promise<Endpoint> {
  const clock = options.clock ?? systemClock;
  return createEndpoint({
    bus,
    identity: await fleet.identity(role, name),
    trust: fleet.trust(clock),
    clock,
    random: randomBytes,
    seen: createSeenNonces(),
    log: silentLogger,
    ...options,
  });
}
