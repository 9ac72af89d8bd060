import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log/logger.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { Effect, Event, State } from '../machine/row.ts';
import type { AnyKind, Figures, Journal, OperationRecord } from './kind.ts';
import type { VmEvent } from './ports.ts';
import { advance, crossedOff, lastingMs, newRecord, viewOf, withFigures } from './record.ts';
import { stuckAfter, waitsOf } from './waits.ts';

/** Runs operations: one event at a time for each, and no effect before the record that orders it is on disk. */
export interface Runner {
  /** Journals a new operation and begins it. VM_BUSY while another one of the same VM is under way. */
  begin(
    kind: AnyKind,
    about: { operation: OperationId; vm: VmName; client: ClientName },
    state: State,
    effects: readonly Effect[],
  ): Promise<void>;
  /**
   * Something happened to an operation. Resolves when it was taken into account and stored: true where its state has an
   * arrow for it.
   */
  deliver(operation: OperationId, event: Event): Promise<boolean>;
  /** QEMU reported something: whichever operation of that VM is under way hears of it. */
  deliverVmEvent(vm: VmName, event: VmEvent): void;
  /** The operation under way for a VM. */
  activeOf(vm: VmName): OperationId | undefined;
  /** Whether an operation is under way for a VM, or a request keeps it to itself. */
  isBusy(vm: VmName): boolean;
  /** Keeps a VM to oneself for something that is no operation, until the answer is called. VM_BUSY as for `begin`. */
  hold(vm: VmName): () => void;
  stateOf(operation: OperationId): State | undefined;
  /** Everything that is under way. */
  open(): OperationRecord[];
  view(operation: OperationId): OperationView | undefined;
  list(limit: number): OperationView[];
  /** Resolves with the first answer `judge` gives of the operation's state, now or after a later step. */
  settled<T>(operation: OperationId, judge: (state: State) => T | undefined, timeoutMs: number): Promise<T>;
  /** Replays the journal: every effect that was ordered and not known to be done is carried out again. */
  recover(): Promise<void>;
  /** Resolves when nothing that was delivered is still being stored. Timers are stopped. */
  close(): Promise<void>;
}

interface Live {
  record: OperationRecord;
  readonly kind: AnyKind;
  /** The tail of the queue: events are taken one after the other. */
  queue: Promise<void>;
  stopDeadline: () => void;
  readonly watchers: Set<(state: State) => void>;
  /** Effects under way. They do not reject. */
  readonly underWay: Set<{ readonly effect: string; readonly done: Promise<void> }>;
}

/** What the runner needs. */
export interface RunnerDeps {
  readonly kinds: readonly AnyKind[];
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Told of every change that a client may want to see. Never throws: whoever is told may be away, and the operation goes on
   * all the same.
   */
  readonly onUpdate: (view: OperationView) => void;
  /** The journal cannot be written: nothing may go on. The process ends, and recovery replays what is on disk. */
  readonly fatal: (error: unknown) => never;
}

const nothing = () => {};

/** Makes a runner. It holds no decisions: the tables have them. */
export function createRunner({ kinds, journal, clock, log, onUpdate, fatal }: RunnerDeps): Runner {
  const kindOf = new Map(kinds.map((kind) => [kind.name, kind]));
  const live = new Map<OperationId, Live>();
  const busy = new Map<VmName, OperationId>();
  const held = new Set<VmName>();
  let closed = false;

  const known = (name: OperationView['kind']): AnyKind => {
    const kind = kindOf.get(name);
    if (kind === undefined) throw new Error(`the journal names an operation kind that does not exist: ${name}`);
    return kind;
  };

  function needIdle(vm: VmName): void {
    const other = busy.get(vm) ?? (held.has(vm) ? 'another request' : undefined);
    if (other !== undefined) {
      throw new BrokerError('VM_BUSY', `${other} is under way for ${vm}`, { hint: 'wait until it has ended' });
    }
  }

  function adopt(record: OperationRecord): Live {
    const entry: Live = {
      record,
      kind: known(record.kind),
      queue: Promise.resolve(),
      stopDeadline: () => {},
      watchers: new Set(),
      underWay: new Set(),
    };
    live.set(record.operation, entry);
    if (record.endedAtMs === null) busy.set(record.vm, record.operation);
    return entry;
  }

  function armDeadline(entry: Live): void {
    entry.stopDeadline();
    const { deadlineAtMs, operation, state, retries } = entry.record;
    if (deadlineAtMs === null || closed) return;
    // A clock that was set back must not make anything wait for longer than it may.
    const leftMs = Math.min(deadlineAtMs - clock.nowMs(), lastingMs(entry.kind, state, retries) ?? 0);
    entry.stopDeadline = clock.after(Math.max(0, leftMs), () => {
      // A step in the meantime has set another deadline; then this one is void.
      void enqueue(entry, () =>
        entry.record.deadlineAtMs === deadlineAtMs
          ? take(entry, { event: entry.kind.table.deadlineOf(entry.record.state) })
          : undefined,
      );
      log.info('deadline passed', { operation });
    });
  }

  function enqueue(entry: Live, job: () => Promise<unknown> | undefined): Promise<void> {
    entry.queue = entry.queue.then(job).then(nothing, fatal);
    return entry.queue;
  }

  /** False where the table has no such arrow. */
  async function take(entry: Live, event: Event): Promise<boolean> {
    const { record, kind } = entry;
    const advanced = advance(kind, record, event, clock.nowMs());
    if (!advanced.ok) {
      log.info('unexpected event', { operation: record.operation, state: record.state.state, event: event.event });
      return false;
    }
    await journal.write(advanced.record);
    // Nobody sees a state, or is answered from it, before it is on disk. Figures may have come in meanwhile.
    entry.record = { ...advanced.record, figures: entry.record.figures };
    log.info('step', {
      operation: record.operation,
      from: record.state.state,
      on: event.event,
      to: entry.record.state.state,
    });
    reportStuck(entry, record.retries);
    armDeadline(entry);
    if (entry.record.endedAtMs !== null && busy.get(record.vm) === record.operation) busy.delete(record.vm);
    onUpdate(viewOf(entry.kind, entry.record));
    for (const watch of [...entry.watchers]) watch(entry.record.state);
    for (const ordered of advanced.ordered) begin(entry, ordered);
    retire(entry);
    return true;
  }

  /** What goes on trying is no secret: it is reported once for each state it stays in. */
  function reportStuck({ kind, record }: Live, retriesBefore: number): void {
    const waits = record.retries > retriesBefore ? waitsOf(kind, record) : undefined;
    if (waits?.attempts !== stuckAfter) return;
    const { operation, vm } = record;
    log.error('an operation cannot go on and keeps trying', { operation, vm, ...waits });
  }

  /** An ended operation stays in memory only until its last effects are done. */
  function retire(entry: Live): void {
    if (entry.record.endedAtMs === null || entry.record.pending.length > 0) return;
    entry.stopDeadline();
    live.delete(entry.record.operation);
    entry.kind.ended?.(entry.record.state);
  }

  /** An effect acts on the state that ordered it, whatever happens while it waits. */
  function begin(entry: Live, ordered: OperationRecord['pending'][number]): void {
    const { state } = entry.record;
    const undone = entry.kind.undoing[ordered.effect.effect];
    const before = undone === undefined ? [] : [...entry.underWay].filter(({ effect }) => undone.includes(effect));
    const done =
      before.length === 0
        ? carryOut(entry, ordered, state)
        : Promise.all(before.map((one) => one.done)).then(() => carryOut(entry, ordered, state));
    const carried = { effect: ordered.effect.effect, done };
    entry.underWay.add(carried);
    void done.then(() => entry.underWay.delete(carried));
  }

  async function carryOut(entry: Live, ordered: OperationRecord['pending'][number], state: State): Promise<void> {
    const { operation, client } = entry.record;
    const report = (figures: Figures) => {
      entry.record = withFigures(entry.record, figures);
      onUpdate(viewOf(entry.kind, entry.record));
    };
    const overtaken = () => entry.record.state.state !== ordered.orderedIn;
    const wait = (ms: number) =>
      new Promise<void>((resolve) => {
        const done = () => {
          stopTimer();
          entry.watchers.delete(watch);
          resolve();
        };
        const watch = () => {
          if (overtaken()) done();
        };
        const stopTimer = clock.after(ms, done);
        entry.watchers.add(watch);
        watch();
      });
    let event: Event | undefined;
    try {
      event = await entry.kind.perform(ordered.effect, state, { client, report, overtaken, wait });
    } catch (error) {
      const fault = faultOf(error);
      log.warn('effect failed', {
        operation,
        effect: ordered.effect.effect,
        fault,
        cause: error instanceof Error ? error.stack : undefined,
      });
      event = { event: 'failed', fault } as Event;
    }
    await enqueue(entry, async () => {
      entry.record = crossedOff(entry.record, ordered.id);
      const late = event?.event === 'failed' && entry.record.state.state !== ordered.orderedIn;
      if (event === undefined || late || !entry.kind.table.find(entry.record.state.state, event.event)) {
        if (event !== undefined) {
          log.info('outcome of an effect came too late', {
            operation,
            state: entry.record.state.state,
            event: event.event,
          });
        }
        await journal.write(entry.record);
        retire(entry);
        return;
      }
      await take(entry, event);
    });
  }

  return {
    async begin(kind, about, state, effects) {
      needIdle(about.vm);
      const entry = adopt(newRecord(kind, about, state, effects, clock.nowMs()));
      try {
        await journal.write(entry.record);
      } catch (error) {
        live.delete(about.operation);
        busy.delete(about.vm);
        throw error;
      }
      armDeadline(entry);
      onUpdate(viewOf(entry.kind, entry.record));
      for (const pending of entry.record.pending) begin(entry, pending);
    },

    async deliver(operation, event) {
      const entry = live.get(operation);
      let taken = false;
      if (entry !== undefined) {
        await enqueue(entry, async () => {
          taken = await take(entry, event);
        });
      }
      return taken;
    },

    deliverVmEvent(vm, event) {
      const entry = live.get(busy.get(vm) ?? ('' as OperationId));
      if (entry === undefined) return;
      void enqueue(entry, () => {
        const meaning = entry.kind.onVmEvent(entry.record.state, event);
        return meaning === undefined ? undefined : take(entry, meaning);
      });
    },

    activeOf: (vm) => busy.get(vm),

    isBusy: (vm) => busy.has(vm) || held.has(vm),

    hold(vm) {
      needIdle(vm);
      held.add(vm);
      return () => held.delete(vm);
    },

    stateOf: (operation) => (live.get(operation)?.record ?? journal.read(operation))?.state,

    open: () => [...live.values()].map(({ record }) => record).filter(({ endedAtMs }) => endedAtMs === null),

    view(operation) {
      const record = live.get(operation)?.record ?? journal.read(operation);
      return record === undefined ? undefined : viewOf(known(record.kind), record);
    },

    list: (limit) =>
      journal.list(limit).map((record) => viewOf(known(record.kind), live.get(record.operation)?.record ?? record)),

    settled(operation, judge, timeoutMs) {
      const entry = live.get(operation);
      const state = entry?.record.state ?? journal.read(operation)?.state;
      const answer = state === undefined ? undefined : judge(state);
      if (answer !== undefined) return Promise.resolve(answer);
      if (entry === undefined)
        return Promise.reject(new BrokerError('OPERATION_UNKNOWN', `${operation} is not known here`));
      return new Promise((resolve, reject) => {
        const done = () => {
          stopTimer();
          entry.watchers.delete(watch);
        };
        const watch = (now: State) => {
          const later = judge(now);
          if (later === undefined) return;
          done();
          resolve(later);
        };
        const stopTimer = clock.after(timeoutMs, () => {
          done();
          reject(new BrokerError('OPERATION_TIMEOUT', `${operation} is still ${entry.record.state.state}`));
        });
        entry.watchers.add(watch);
      });
    },

    async recover() {
      for (const record of journal.open()) {
        const entry = adopt(record);
        log.info('recovering', {
          operation: record.operation,
          state: record.state.state,
          pending: record.pending.length,
        });
        armDeadline(entry);
        for (const pending of record.pending) begin(entry, pending);
      }
    },

    async close() {
      closed = true;
      for (const entry of live.values()) entry.stopDeadline();
      await Promise.all([...live.values()].map((entry) => entry.queue));
    },
  };
}
