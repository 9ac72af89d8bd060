/** A state, an event and an effect are plain data, told apart by one field each. They are stored and sent as they are. */
export interface State {
  readonly state: string;
}
export interface Event {
  readonly event: string;
}
export interface Effect {
  readonly effect: string;
}

export type StateAt<S extends State, Name> = Extract<S, { readonly state: Name }>;
export type EventAt<E extends Event, Name> = Extract<E, { readonly event: Name }>;

/** One arrow: in state `from`, when `on` happens, the state becomes `to` and the effects are ordered. A row never branches. */
export interface Row<S extends State, E extends Event, F extends Effect> {
  readonly from: S['state'];
  readonly on: E['event'];
  readonly to: S['state'];
  readonly next: (state: S, event: E) => S;
  readonly effects: (state: S, event: E) => readonly F[];
}

/**
 * A maker of rows whose parts fit one another: `next` must build the state named by `to`, and reads only what the state
 * `from` and the event `on` have. `effects` sees the new state.
 */
export const rowOf =
  <S extends State, E extends Event, F extends Effect>() =>
  <From extends S['state'], On extends E['event'], To extends S['state']>(row: {
    readonly from: From;
    readonly on: On;
    readonly to: To;
    readonly next: (state: StateAt<S, From>, event: EventAt<E, On>) => StateAt<S, NoInfer<To>>;
    readonly effects?: (state: StateAt<S, NoInfer<To>>, event: EventAt<E, On>) => readonly F[];
  }): Row<S, E, F> => ({
    from: row.from,
    on: row.on,
    to: row.to,
    // The table only ever calls a row with the state and the event it is filed under.
    next: row.next as unknown as Row<S, E, F>['next'],
    effects: (row.effects ?? (() => [])) as unknown as Row<S, E, F>['effects'],
  });

/**
 * The rows of a state that is not given up: a fault leaves it to its deadline, and when that has passed what it is there for
 * is ordered again.
 */
export const triesAgain = <S extends State, E extends Event, F extends Effect>(
  state: S['state'],
  effects: readonly F[],
): readonly Row<S, E, F>[] => [
  { from: state, on: 'failed', to: state, next: (s) => s, effects: () => [] },
  { from: state, on: 'deadline-passed', to: state, next: (s) => s, effects: () => effects },
];
