import { type ClientName, clientName, type OperationId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log/logger.ts';
import type { QueuePlace } from '../../../shared/messages/view.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { MigrationLimits } from '../config.ts';
import type { SourceState } from '../migrate/source-states.ts';
import type { OperationRecord } from '../runtime/kind.ts';
import type { Runner } from '../runtime/runner.ts';
import { isSending } from './limits.ts';
import { busyDestinations, inOrder, turns, type Waiting } from './order.ts';

/** Gives migrations their turns. It keeps no queue: who waits is what the journal says. */
export interface Queue {
  /** Looks whether somebody has a turn now. To be called whenever a migration begins to wait, or ends. */
  look(): void;
  /** Where a migration stands; undefined where it does not wait. */
  placeOf(operation: OperationId): QueuePlace | undefined;
  stop(): void;
}

type Queued = Waiting & { readonly wait: Extract<SourceState, { state: 'queued' }>['wait'] };

export function createQueue({
  runner,
  limits,
  store,
  clock,
  log,
}: {
  readonly runner: Runner;
  readonly limits: MigrationLimits;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}): Queue {
  const lastTurns = store.table<ClientName>('last-turns', clientName);
  const last = (priority: number) => lastTurns.get(String(priority));
  /** Turns that were given and are not journalled yet. */
  const giving = new Set<OperationId>();
  let stopTimer = () => {};
  let stopped = false;

  function look(): void {
    stopTimer();
    if (stopped) return;
    const open = runner.open();
    const waiting = open.flatMap(queuedOf).filter(({ operation }) => !giving.has(operation));
    if (waiting.length === 0) return;
    const sending = open.filter((record) => isSending(record) || giving.has(record.operation)).length;
    const nowMs = clock.nowMs();
    for (const next of turns(waiting, { free: limits.outboundMax - sending, nowMs, last })) give(next);
    const wakeAtMs = Math.min(...busyDestinations(waiting, nowMs).values());
    if (Number.isFinite(wakeAtMs)) stopTimer = clock.after(wakeAtMs - nowMs, look);
  }

  function give({ operation, client, priority }: Queued): void {
    giving.add(operation);
    // Who had the last turn is no promise: where it cannot be kept, the next turn may go to the same client.
    try {
      lastTurns.put(String(priority), client);
    } catch (error) {
      log.warn('who had a turn cannot be kept', { operation, detail: String(error) });
    }
    const given = () => {
      giving.delete(operation);
      look();
    };
    runner.deliver(operation, { event: 'turn-given' }).then(given, given);
  }

  return {
    look,
    placeOf(operation) {
      const waiting = runner.open().flatMap(queuedOf);
      const at = inOrder(waiting, last).findIndex((one) => one.operation === operation);
      const found = waiting.find((one) => one.operation === operation);
      if (found === undefined) return undefined;
      const { priority, wait, destination } = found;
      const noRoom = wait.busy !== undefined || busyDestinations(waiting, clock.nowMs()).has(destination);
      return {
        position: at + 1,
        length: waiting.length,
        priority,
        waitsFor: noRoom ? 'destination' : 'turn',
        sinceMs: wait.busy?.sinceMs ?? wait.sinceMs,
      };
    },
    stop() {
      stopped = true;
      stopTimer();
    },
  };
}

function queuedOf({ operation, client, kind, startedAtMs, state }: OperationRecord): Queued[] {
  if (kind !== 'migrate-source' || state.state !== 'queued') return [];
  const { destination, priority, wait } = state as Extract<SourceState, { state: 'queued' }>;
  return [{ operation, client, destination, priority, startedAtMs, wait, busyUntilMs: wait.busy?.untilMs }];
}
