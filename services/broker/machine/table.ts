import type { Effect, Event, Row, State } from './row.ts';

/** What a table declares beside its rows. Every state that is not final waits for something, and never for ever. */
export interface TableSpec<S extends State, E extends Event, F extends Effect> {
  readonly name: string;
  readonly initial: S['state'];
  readonly final: readonly S['state'][];
  /** How long a state may last, in ms; then `deadline-passed` happens. Where it was for somebody to say, it is read off the state. */
  readonly deadlinesMs: Readonly<Partial<Record<S['state'], number | ((state: S) => number)>>>;
  /** States whose time is counted from the beginning of the operation, however often they are come back to. */
  readonly sinceBegun?: readonly S['state'][];
  readonly rows: readonly Row<S, E, F>[];
}

export interface Table<S extends State, E extends Event, F extends Effect> extends TableSpec<S, E, F> {
  readonly find: (state: string, event: string) => Row<S, E, F> | undefined;
}

/** Makes a table of its rows. A table with a hole is a programming error and never starts. */
export function tableOf<S extends State, E extends Event, F extends Effect>(spec: TableSpec<S, E, F>): Table<S, E, F> {
  const rows = new Map<string, Row<S, E, F>>();
  for (const row of spec.rows) {
    const key = `${row.from} ${row.on}`;
    if (rows.has(key)) throw new Error(`${spec.name}: two rows for ${key}`);
    if (spec.final.includes(row.from)) throw new Error(`${spec.name}: a row leaves the final state ${row.from}`);
    rows.set(key, row);
  }
  for (const state of new Set(spec.rows.flatMap((row) => [row.from, row.to]))) {
    if (spec.final.includes(state)) continue;
    if (spec.deadlinesMs[state] === undefined) throw new Error(`${spec.name}: ${state} may wait for ever`);
    if (!rows.has(`${state} deadline-passed`)) throw new Error(`${spec.name}: ${state} has no way out at its deadline`);
  }
  return { ...spec, find: (state, event) => rows.get(`${state} ${event}`) };
}

/** The outcome of a step. What the table does not have is a value too: it is logged and answered, never dropped. */
export type Stepped<S, F> =
  | { readonly ok: true; readonly state: S; readonly effects: readonly F[] }
  | { readonly ok: false; readonly unexpected: { readonly state: string; readonly event: string } };

/** One step of an operation. Pure: the same table, state and event always give the same answer. */
export function step<S extends State, E extends Event, F extends Effect>(
  table: Table<S, E, F>,
  state: S,
  event: E,
): Stepped<S, F> {
  const row = table.find(state.state, event.event);
  if (row === undefined) return { ok: false, unexpected: { state: state.state, event: event.event } };
  const next = row.next(state, event);
  return { ok: true, state: next, effects: row.effects(next, event) };
}
