import { faultOf } from '../../../shared/errors/broker-error.ts';
import type { OperationId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log/logger.ts';
import type { Endpoint } from '../../../shared/messages/endpoint.ts';
import { type OperationView, updateNotice } from '../../../shared/messages/view.ts';
import type { Clock } from '../../../shared/time/clock.ts';

/** How long an update may wait, in ms: signing it is not to be done while a guest is paused for the next step. */
const delayMs = 50;

/**
 * Tells clients how their operations go: the latest state of each, not every one in between. What cannot be told is logged;
 * whoever misses it asks.
 */
export function createTeller({
  endpoint,
  clock,
  log,
}: {
  endpoint: Endpoint;
  clock: Clock;
  log: Logger;
}): (view: OperationView) => void {
  const latest = new Map<OperationId, OperationView>();

  function tell(): void {
    for (const view of latest.values()) {
      try {
        endpoint.notify(updateNotice, { role: 'client', name: view.client }, view);
      } catch (error) {
        log.warn('an update could not be told', { operation: view.operation, fault: faultOf(error) });
      }
    }
    latest.clear();
  }

  return (view) => {
    if (latest.size === 0) clock.after(delayMs, tell);
    latest.set(view.operation, view);
  };
}
