import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { diagramOf } from '../../../../services/broker/machine/diagram.ts';
import type { Effect, Event, State } from '../../../../services/broker/machine/row.ts';
import type { Table } from '../../../../services/broker/machine/table.ts';
import { migrateDestination } from '../../../../services/broker/migrate/destination.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import { restore } from '../../../../services/broker/restore/restore.ts';
import { save } from '../../../../services/broker/save/save.ts';
import { start } from '../../../../services/broker/start/start.ts';

const tables = [migrateSource, migrateDestination, start, save, restore] as unknown as Table<State, Event, Effect>[];
const drawn = [...readFileSync('services/broker/README.md', 'utf8').matchAll(/```mermaid\n(.*?)\n```/gs)];

test('the diagrams in the README of the broker are those of its tables', () => {
  assert.deepEqual(
    drawn.map(([, diagram]) => diagram),
    tables.map((table) => diagramOf(table)),
  );
});
