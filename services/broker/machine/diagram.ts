import type { Effect, Event, State } from './row.ts';
import type { Table } from './table.ts';

/** The table as a Mermaid state diagram. It is generated, so it is never out of date. */
export function diagramOf<S extends State, E extends Event, F extends Effect>(table: Table<S, E, F>): string {
  const id = (name: string) => name.replaceAll('-', '_');
  const states = [...new Set(table.rows.flatMap((row) => [row.from, row.to]))];
  return [
    'stateDiagram-v2',
    ...states.map((name) => `  state "${name}" as ${id(name)}`),
    `  [*] --> ${id(table.initial)}`,
    ...table.rows.map((row) => `  ${id(row.from)} --> ${id(row.to)}: ${row.on}`),
    ...table.final.map((name) => `  ${id(name)} --> [*]`),
  ].join('\n');
}
