import type { kindsOf } from '../../services/broker/effects/kinds.ts';
import type { Effect, Event, Row, State } from '../../services/broker/machine/row.ts';
import { type Table, tableOf } from '../../services/broker/machine/table.ts';
import { migrateDestination } from '../../services/broker/migrate/destination.ts';
import { migrateSource } from '../../services/broker/migrate/source.ts';
import { restore } from '../../services/broker/restore/restore.ts';
import { save } from '../../services/broker/save/save.ts';
import { start } from '../../services/broker/start/start.ts';

type AnyTable = Table<State, Event, Effect>;
type Kinds = ReturnType<typeof kindsOf>;

const tables = [start, save, restore, migrateSource, migrateDestination] as unknown as readonly AnyTable[];

/** Which rows were taken, of every table. */
export interface Coverage {
  /** The same kinds, over tables that count. */
  over(kinds: Kinds): Kinds;
  readonly figures: () => CoverageFigures;
}

export interface CoverageFigures {
  readonly states: { readonly reached: number; readonly all: number };
  readonly rows: { readonly taken: number; readonly all: number; readonly never: readonly string[] };
}

const nameOf = (table: AnyTable, { from, on }: Row<State, Event, Effect>) => `${table.name}: ${from} ${on}`;

export function createCoverage(): Coverage {
  const taken = new Set<string>();
  const counting = new Map<AnyTable, AnyTable>();

  function counted(table: AnyTable): AnyTable {
    const known = counting.get(table);
    if (known !== undefined) return known;
    const rows = table.rows.map((row) => {
      const name = nameOf(table, row);
      return {
        ...row,
        next(state: State, event: Event) {
          taken.add(name);
          return row.next(state, event);
        },
      };
    });
    const made = tableOf({ ...table, rows });
    counting.set(table, made);
    return made;
  }

  return {
    over(kinds) {
      const over = <K extends Kinds[keyof Kinds]>(kind: K): K => ({ ...kind, table: counted(kind.table) });
      return {
        start: over(kinds.start),
        save: over(kinds.save),
        restore: over(kinds.restore),
        migrateSource: over(kinds.migrateSource),
        migrateDestination: over(kinds.migrateDestination),
      };
    },
    figures() {
      const all = tables.flatMap((table) => table.rows.map((row) => ({ row, name: nameOf(table, row), table })));
      const reached = new Set<string>(tables.map((table) => `${table.name} ${table.initial}`));
      for (const { row, name, table } of all) if (taken.has(name)) reached.add(`${table.name} ${row.to}`);
      const states = new Set(all.flatMap(({ row, table }) => [`${table.name} ${row.from}`, `${table.name} ${row.to}`]));
      const never = all.filter(({ name }) => !taken.has(name)).map(({ name }) => name);
      return {
        states: { reached: reached.size, all: states.size },
        rows: { taken: all.length - never.length, all: all.length, never },
      };
    },
  };
}
