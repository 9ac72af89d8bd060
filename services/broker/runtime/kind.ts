import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId, VmName } from '../../../shared/ids.ts';
import type { OperationView, Outcome, Progress } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { Effect, Event, State } from '../machine/row.ts';
import type { Table } from '../machine/table.ts';
import type { VmEvent } from './ports.ts';

/** Figures an operation shows beside its state. */
export type Figures = Omit<Progress, 'phase'>;

/** What an effect may use of the runtime while it runs. */
export interface Performing {
  /** Who asked for the operation. */
  readonly client: ClientName;
  /**
   * Whether the operation has left the state that ordered the effect. An effect that waited asks before it changes
   * anything: another attempt may have done its work long ago, and the VM be somebody else's business by now.
   */
  readonly overtaken: () => boolean;
  /** Resolves after `ms`, or as soon as the effect is overtaken. */
  readonly wait: (ms: number) => Promise<void>;
  /** Shows how far it is. Not stored: after a crash the effect says it again. */
  readonly report: (figures: Figures) => void;
}

/**
 * One kind of operation: its table, and how its orders are carried out. Everything that runs an operation, for real or in
 * a simulation, sees no more than this.
 */
export interface Kind<S extends State, E extends Event, F extends Effect> {
  readonly name: OperationView['kind'];
  readonly table: Table<S, E, F>;
  /**
   * Carries out an effect and answers with what happened, or nothing where nothing waits for it. It may be called again
   * for the same effect after a crash, so it is idempotent. A rejection becomes the event `failed`.
   */
  readonly perform: (effect: F, state: S, performing: Performing) => Promise<E | undefined>;
  /** Effects that take back what others do, or build on it, each with those others: it begins when none of them is under way. */
  readonly undoing: Readonly<Partial<Record<F['effect'], readonly F['effect'][]>>>;
  /** What an event of the VM's QEMU means to an operation in this state, if anything. */
  readonly onVmEvent: (state: S, event: VmEvent) => E | undefined;
  /** What of it its view shows besides, where there is something. */
  readonly about?: (state: S) => Pick<OperationView, 'peer' | 'drain' | 'options'>;
  /** How the operation ended; null while it is under way. */
  readonly outcomeOf: (state: S) => Outcome | null;
  /** Called once when it has ended and no effect is under way: frees what effects held in memory. */
  readonly ended?: (state: S) => void;
}

/** A kind whose types the runner need not know. The table has checked that they fit. */
export type AnyKind = Kind<State, Event, Effect>;

/** An operation as it is journalled: everything needed to go on after a crash. */
export interface OperationRecord {
  readonly operation: OperationId;
  readonly kind: OperationView['kind'];
  readonly vm: VmName;
  readonly client: ClientName;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly deadlineAtMs: number | null;
  readonly state: State;
  /** Effects that were ordered and not yet known to be done. `orderedIn` is the state that ordered them. */
  readonly pending: readonly { readonly id: number; readonly orderedIn: string; readonly effect: Effect }[];
  readonly nextEffectId: number;
  /** How often its state was begun again because a deadline had passed. */
  readonly retries: number;
  /** Since when it is in its state, and the last fault in it. */
  readonly sinceMs: number;
  readonly lastFault: Fault | null;
  readonly decisions: readonly Decision[];
  readonly figures: Figures;
}

/** Where operations are journalled. */
export interface Journal {
  /** Resolves when the record is on disk. */
  write(record: OperationRecord): Promise<void>;
  read(operation: OperationId): OperationRecord | undefined;
  /** Newest first. */
  list(limit: number): OperationRecord[];
  /** Those that had not ended. */
  open(): OperationRecord[];
}
