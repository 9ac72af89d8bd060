import { setTimeout as delay } from 'node:timers/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { Follow, Followed } from './client.ts';

/** Updates are notices, which can be lost: this often the host is asked. */
const pollMs = 1000;
/** How many times in a row a host may not answer before following it is given up. */
const silencesMax = 10;

/**
 * Follows an operation until it ends, the time is over or the person stops looking. Updates are shown as they come and made
 * good by asking. Throws the last fault of a host that has stopped answering; the operation may still go on there.
 */
export const follow: Follow = (client, host, operation, options) =>
  new Promise<Followed>((resolve, reject) => {
    const stop = new AbortController();
    const settle = (end: () => void) => {
      stop.abort();
      stopUpdates();
      clearTimeout(timer);
      options.signal.removeEventListener('abort', detach);
      end();
    };
    const detach = () => settle(() => resolve({ is: 'detached' }));
    const take = (view: Parameters<typeof options.onView>[0]) => {
      if (stop.signal.aborted || view.operation !== operation) return;
      options.onView(view);
      if (view.outcome !== null) settle(() => resolve({ is: 'ended', view }));
    };
    const stopUpdates = client.onUpdate((view, from) => {
      if (from === host) take(view);
    });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => settle(() => resolve({ is: 'timeout' })), options.timeoutMs);
    options.signal.addEventListener('abort', detach);
    if (options.signal.aborted) detach();

    const poll = async () => {
      let silences = 0;
      while (!stop.signal.aborted) {
        try {
          const answer = await client.ask(host, { verb: 'operation', operation });
          silences = 0;
          if (answer.is === 'operation') take(answer.operation);
          if (answer.is === 'failed') throw new BrokerError(answer.fault.code, answer.fault.message);
        } catch (error) {
          silences += 1;
          const isBus = error instanceof BrokerError && error.code.startsWith('BUS_');
          if (!isBus || silences >= silencesMax) return settle(() => reject(error));
        }
        await delay(pollMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    };
    void poll();
  });
