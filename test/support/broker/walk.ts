import assert from 'node:assert/strict';
import type { Event, State } from '../../../services/broker/machine/row.ts';
import { step, type Table } from '../../../services/broker/machine/table.ts';

/** What a walk through a table did: the events that were taken, and the effects that were ordered, in order. */
export function walk<S extends State, E extends Event>(
  table: Table<S, E, { effect: string }>,
  begin: S,
  events: readonly E[],
) {
  const log: { on: string; to: string; effects: string[] }[] = [];
  let state = begin;
  for (const event of events) {
    const stepped = step(table, state, event);
    if (!stepped.ok) continue;
    state = stepped.state;
    log.push({ on: event.event, to: state.state, effects: stepped.effects.map(({ effect }) => effect) });
  }
  return { state, log };
}

/**
 * Everything that can be ordered from a state on when some events never happen: every row is taken, so what is not in the
 * answer cannot happen without one of them.
 */
export function orderedWithout<S extends State, E extends Event>(
  table: Table<S, E, { effect: string }>,
  begin: S,
  events: readonly E[],
  never: readonly E['event'][],
): Set<string> {
  const ordered = new Set<string>();
  const seen = new Map([[begin.state, begin]]);
  for (const state of seen.values()) {
    for (const event of events) {
      if (never.includes(event.event)) continue;
      const stepped = step(table, state, event);
      if (!stepped.ok) continue;
      for (const { effect } of stepped.effects) ordered.add(effect);
      if (!seen.has(stepped.state.state)) seen.set(stepped.state.state, stepped.state);
    }
  }
  return ordered;
}

/** Those events of the list, in this order. */
export function pick<E extends Event>(events: readonly E[], names: readonly string[]): E[] {
  return names.map((name) => {
    const found = events.find(({ event }) => event === name);
    assert.ok(found, name);
    return found;
  });
}
