import type { Effect, Event, Row, State, StateAt } from './row.ts';

/** Which of some events happens when a state has lasted as long as it may. */
export interface AtDeadline<S, Name> {
  readonly oneOf: readonly Name[];
  readonly is: (state: S) => Name;
}

/** What a table declares beside its rows. Every state that is not final waits for something, and never for ever. */
export interface TableSpec<S extends State, E extends Event, F extends Effect> {
  readonly name: string;
  readonly initial: S['state'];
  readonly final: readonly S['state'][];
  /** How long a state may last, in ms, or how that follows from what it holds. */
  readonly deadlinesMs: { readonly [N in S['state']]?: number | ((state: StateAt<S, N>) => number) };
  /** States whose time is counted from the beginning of the operation, however often they are come back to. */
  readonly sinceBegun?: readonly S['state'][];
  /** What happens when it is over, where that is not always `deadline-passed`: one of some events, by what the state holds. */
  readonly atDeadline?: { readonly [N in S['state']]?: AtDeadline<StateAt<S, N>, E['event']> };
  readonly rows: readonly Row<S, E, F>[];
}

export interface Table<S extends State, E extends Event, F extends Effect> extends TableSpec<S, E, F> {
  readonly find: (state: string, event: string) => Row<S, E, F> | undefined;
  /** How long this state may last, in ms; nothing where it is final. */
  readonly lastingMs: (state: S) => number | undefined;
  /** What happens when it has lasted that long. */
  readonly deadlineOf: (state: S) => E['event'];
}

/** Makes a table of its rows. A table with a hole is a programming error and never starts. */
export function tableOf<S extends State, E extends Event, F extends Effect>(spec: TableSpec<S, E, F>): Table<S, E, F> {
  // What is filed under a state is only ever asked about that state.
  const deadlines = spec.deadlinesMs as Record<string, number | ((state: S) => number) | undefined>;
  const atDeadline = (spec.atDeadline ?? {}) as Record<string, AtDeadline<S, E['event']> | undefined>;
  const rows = new Map<string, Row<S, E, F>>();
  for (const row of spec.rows) {
    const key = `${row.from} ${row.on}`;
    if (rows.has(key)) throw new Error(`${spec.name}: two rows for ${key}`);
    if (spec.final.includes(row.from)) throw new Error(`${spec.name}: a row leaves the final state ${row.from}`);
    rows.set(key, row);
  }
  for (const state of new Set(spec.rows.flatMap((row) => [row.from, row.to]))) {
    if (spec.final.includes(state)) continue;
    if (deadlines[state] === undefined) throw new Error(`${spec.name}: ${state} may wait for ever`);
    for (const event of atDeadline[state]?.oneOf ?? ['deadline-passed']) {
      if (!rows.has(`${state} ${event}`)) throw new Error(`${spec.name}: ${state} has no way out at its deadline`);
    }
  }
  return {
    ...spec,
    find: (state, event) => rows.get(`${state} ${event}`),
    lastingMs(state) {
      const ms = deadlines[state.state];
      return typeof ms === 'function' ? ms(state) : ms;
    },
    deadlineOf: (state) => atDeadline[state.state]?.is(state) ?? 'deadline-passed',
  };
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
