import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect, Event, State } from '../../../../services/broker/machine/row.ts';
import type { Table } from '../../../../services/broker/machine/table.ts';
import { migrateDestination } from '../../../../services/broker/migrate/destination.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import { restore } from '../../../../services/broker/restore/restore.ts';
import { save } from '../../../../services/broker/save/save.ts';
import { start } from '../../../../services/broker/start/start.ts';

const tables = [start, save, restore, migrateSource, migrateDestination] as unknown as Table<State, Event, Effect>[];

/** Every state that can be reached from one by rows. */
function reachable(table: Table<State, Event, Effect>, from: string): Set<string> {
  const seen = new Set([from]);
  for (const state of seen) {
    for (const row of table.rows) if (row.from === state) seen.add(row.to);
  }
  return seen;
}

for (const table of tables) {
  test(`${table.name}: every state is reached from the first one`, () => {
    const all = new Set(table.rows.flatMap(({ from, to }) => [from, to]));
    assert.deepEqual(
      [...all].filter((state) => !reachable(table, table.initial).has(state)),
      [],
    );
  });

  test(`${table.name}: every state leads to a final one`, () => {
    const all = new Set(table.rows.flatMap(({ from, to }) => [from, to]));
    const stuck = [...all].filter((state) => ![...reachable(table, state)].some((end) => table.final.includes(end)));
    assert.deepEqual(stuck, []);
  });

  test(`${table.name}: no deadline is declared for a state that is not there`, () => {
    const all = new Set(table.rows.map(({ from }) => from));
    assert.deepEqual(
      Object.keys(table.deadlinesMs).filter((state) => !all.has(state)),
      [],
    );
  });
}
