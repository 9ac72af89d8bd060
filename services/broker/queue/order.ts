import type { ClientName, HostName, OperationId } from '../../../shared/ids.ts';

/*
 * Whose turn it is. Nothing is remembered here but who had the last turn of each priority: everything else is read off the
 * operations that wait, so that a queue is the same after a crash.
 */

/** A migration that waits for its turn. Times are in ms since the epoch. */
export interface Waiting {
  readonly operation: OperationId;
  readonly client: ClientName;
  readonly destination: HostName;
  readonly priority: number;
  readonly startedAtMs: number;
  /** Until when its destination is not to be asked again, where it had no room. */
  readonly busyUntilMs?: number | undefined;
}

/** Which client had the last turn of a priority. */
export type LastTurns = (priority: number) => ClientName | undefined;

const backoffMsMin = 1_000;
const backoffMsMax = 30_000;

/** How long a destination that had no room is let alone, in ms, after it said so that many times. */
export const backoffMs = (tries: number): number => Math.min(backoffMsMin * 2 ** Math.min(tries, 16), backoffMsMax);

/**
 * The order in which everybody would have a turn: a higher priority first, then one of each client after the other, then
 * the oldest first. The client after the one who had the last turn begins, so that nobody who asks for much keeps others waiting.
 */
export function inOrder<W extends Waiting>(waiting: readonly W[], last: LastTurns): W[] {
  const byPriority = Map.groupBy(waiting, ({ priority }) => priority);
  const priorities = [...byPriority.keys()].sort((a, b) => b - a);
  return priorities.flatMap((priority) => roundRobin(byPriority.get(priority) ?? [], last(priority)));
}

function roundRobin<W extends Waiting>(waiting: readonly W[], last: ClientName | undefined): W[] {
  const byClient = Map.groupBy(waiting, ({ client }) => client);
  const clients = [...byClient.keys()].sort();
  const first = last === undefined ? 0 : clients.findIndex((client) => client > last);
  const turned = first <= 0 ? clients : [...clients.slice(first), ...clients.slice(0, first)];
  const lines = turned.map((client) => (byClient.get(client) ?? []).toSorted(oldestFirst));
  const rounds = Math.max(0, ...lines.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => lines.flatMap((line) => line[round] ?? [])).flat();
}

const oldestFirst = (a: Waiting, b: Waiting) => a.startedAtMs - b.startedAtMs || (a.operation < b.operation ? -1 : 1);

/** Until when each destination that had no room is let alone, where that is still to come. */
export function busyDestinations(waiting: readonly Waiting[], nowMs: number): ReadonlyMap<HostName, number> {
  const busy = new Map<HostName, number>();
  for (const { destination, busyUntilMs = 0 } of waiting) {
    // A clock that was set back must not make anybody wait for longer than they were to.
    const untilMs = Math.min(busyUntilMs, nowMs + backoffMsMax);
    if (untilMs > nowMs && untilMs > (busy.get(destination) ?? 0)) busy.set(destination, untilMs);
  }
  return busy;
}

/** Who has a turn now, first to last, where `free` more VMs may be sent. Those with a destination that has no room are passed over. */
export function turns<W extends Waiting>(
  waiting: readonly W[],
  { free, nowMs, last }: { readonly free: number; readonly nowMs: number; readonly last: LastTurns },
): W[] {
  if (free <= 0) return [];
  const busy = busyDestinations(waiting, nowMs);
  const asked = waiting.filter(({ destination }) => !busy.has(destination));
  return inOrder(asked, last).slice(0, free);
}
