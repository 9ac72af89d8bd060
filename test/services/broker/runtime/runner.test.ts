import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { rowOf, type State } from '../../../../services/broker/machine/row.ts';
import { tableOf } from '../../../../services/broker/machine/table.ts';
import { createJournal } from '../../../../services/broker/runtime/journal.ts';
import type { AnyKind, Journal, Kind } from '../../../../services/broker/runtime/kind.ts';
import { advance, lastingMs, newRecord } from '../../../../services/broker/runtime/record.ts';
import { createRunner, type Runner } from '../../../../services/broker/runtime/runner.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { silentLogger } from '../../../../shared/log/logger.ts';
import type { OperationView, Outcome } from '../../../../shared/messages/view.ts';
import { openStore, type Store } from '../../../../shared/store/store.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';
import { clientId, operationIdOf, vmId } from '../../../support/values.ts';

/** A small operation: it works, tidies up, and is done. What its effects do is set by each test. */
type S =
  | { readonly state: 'working' }
  | { readonly state: 'tidying' }
  | { readonly state: 'done' }
  | { readonly state: 'given-up' };
type E =
  | { readonly event: 'worked' }
  | { readonly event: 'tidied' }
  | { readonly event: 'failed' }
  | { readonly event: 'deadline-passed' };
type F = { readonly effect: 'work' } | { readonly effect: 'tidy' };

const row = rowOf<S, E, F>();
const table = tableOf<S, E, F>({
  name: 'small',
  initial: 'working',
  final: ['done', 'given-up'],
  deadlinesMs: { working: 1000, tidying: 1000 },
  rows: [
    row({
      from: 'working',
      on: 'worked',
      to: 'tidying',
      next: () => ({ state: 'tidying' }),
      effects: () => [{ effect: 'tidy' }],
    }),
    row({ from: 'working', on: 'failed', to: 'given-up', next: () => ({ state: 'given-up' }) }),
    row({
      from: 'working',
      on: 'deadline-passed',
      to: 'tidying',
      next: () => ({ state: 'tidying' }),
      effects: () => [{ effect: 'tidy' }],
    }),
    row({ from: 'tidying', on: 'tidied', to: 'done', next: () => ({ state: 'done' }) }),
    row({ from: 'tidying', on: 'failed', to: 'given-up', next: () => ({ state: 'given-up' }) }),
    row({ from: 'tidying', on: 'deadline-passed', to: 'given-up', next: () => ({ state: 'given-up' }) }),
  ],
});

const directory = await mkdtemp(join(tmpdir(), 'carnet-runner-'));
after(() => rm(directory, { recursive: true, force: true }));

const operation = operationIdOf(1);
const about = { operation, vm: vmId('web1'), client: clientId('operator') };
const begin: S = { state: 'working' };
let stores = 0;
let store: Store;
let journal: Journal;
let clock: ManualClock;

beforeEach(() => {
  stores += 1;
  store = openStore(join(directory, String(stores)));
  journal = createJournal(store);
  clock = createManualClock();
  return () => store.close();
});

function runnerWith(
  perform: Kind<S, E, F>['perform'],
  updates: { push(view: OperationView): unknown } = [],
  ended: () => void = () => {},
) {
  const kind: Kind<S, E, F> = {
    name: 'start',
    table,
    undoing: { tidy: ['work'] },
    perform,
    onVmEvent: (state, event) =>
      event.kind === 'exited' && state.state === 'working' ? { event: 'failed' } : undefined,
    outcomeOf: (state): Outcome | null =>
      state.state === 'done' ? { is: 'completed' } : state.state === 'given-up' ? { is: 'cancelled' } : null,
    ended,
  };
  const fatal = (error: unknown): never => {
    throw error;
  };
  const log = silentLogger;
  const runner = createRunner({
    kinds: [kind as unknown as AnyKind],
    journal,
    clock,
    log,
    fatal,
    onUpdate: (view) => updates.push(view),
  });
  return { runner, kind: kind as unknown as AnyKind };
}

const ending = (runner: Runner) =>
  runner.settled(operation, ({ state }) => (state === 'done' || state === 'given-up' ? state : undefined), 60_000);

test('an effect sees the record that orders it already on disk', async () => {
  const onDisk: string[] = [];
  const { runner, kind } = runnerWith(async (order) => {
    const reread = createJournal(store).open()[0];
    onDisk.push(`${order.effect} ${reread?.state.state} ${reread?.pending.map(({ effect }) => effect.effect)}`);
    return order.effect === 'work' ? { event: 'worked' } : { event: 'tidied' };
  });
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  assert.equal(await ending(runner), 'done');
  assert.deepEqual(onDisk, ['work working work', 'tidy tidying tidy']);
});

test('no state is seen, and nobody is answered from it, before it is on disk', async () => {
  const { runner, kind } = runnerWith(() => new Promise(() => {}));
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  const written = Promise.withResolvers<void>();
  const write = journal.write;
  journal.write = async (record) => {
    await written.promise;
    await write(record);
  };
  const delivered = runner.deliver(operation, { event: 'worked' });
  await new Promise(setImmediate);
  assert.equal(runner.stateOf(operation)?.state, 'working');
  assert.equal(runner.view(operation)?.state, 'working');
  const answer = runner.settled(
    operation,
    ({ state }) => (state === 'tidying' ? createJournal(store).open()[0]?.state.state : undefined),
    1000,
  );
  written.resolve();
  await delivered;
  assert.equal(await answer, 'tidying');
});

test('nothing is done when the journal cannot be written', async () => {
  const done: string[] = [];
  const { runner, kind } = runnerWith(async (order) => {
    done.push(order.effect);
    return undefined;
  });
  journal.write = () => Promise.reject(new BrokerError('STORE_FAILED'));
  await assert.rejects(runner.begin(kind, about, begin, [{ effect: 'work' }]), { code: 'STORE_FAILED' });
  assert.deepEqual(done, []);
  assert.equal(runner.activeOf(about.vm), undefined);
});

test('effects that were not known to be done are carried out again after a crash', async () => {
  const first = runnerWith(() => new Promise(() => {}));
  await first.runner.begin(first.kind, about, begin, [{ effect: 'work' }]);
  const again: string[] = [];
  const second = runnerWith(async (order) => {
    again.push(order.effect);
    return order.effect === 'work' ? { event: 'worked' } : { event: 'tidied' };
  });
  await second.runner.recover();
  assert.equal(second.runner.activeOf(about.vm), operation);
  assert.equal(await ending(second.runner), 'done');
  assert.deepEqual(again, ['work', 'tidy']);
  assert.deepEqual(journal.open(), []);
});

test('an operation that had ended does its last effects after a crash, and keeps its VM from nobody', async () => {
  const first = runnerWith(async () => ({ event: 'tidied' }));
  await first.runner.begin(first.kind, about, begin, []);
  const record = journal.open()[0];
  assert.ok(record);
  const pending = [{ id: 0, orderedIn: 'tidying', effect: { effect: 'tidy' } }];
  await journal.write({ ...record, state: { state: 'done' }, endedAtMs: 1, deadlineAtMs: null, pending });
  const again: string[] = [];
  const second = runnerWith(async (order) => {
    again.push(order.effect);
    return undefined;
  });
  await second.runner.recover();
  assert.equal(second.runner.activeOf(about.vm), undefined);
  second.runner.hold(about.vm)();
  while (journal.open().length > 0) await new Promise(setImmediate);
  assert.deepEqual(again, ['tidy']);
  assert.equal(journal.read(operation)?.endedAtMs, 1);
});

test('a deadline that passes is an event like any other, and one that was left behind is void', async () => {
  const work = Promise.withResolvers<E>();
  const tidy = Promise.withResolvers<E>();
  const { runner, kind } = runnerWith((order) => (order.effect === 'work' ? work.promise : tidy.promise));
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  clock.advance(1000);
  assert.equal(await runner.settled(operation, ({ state }) => (state === 'tidying' ? state : undefined), 1), 'tidying');
  work.resolve({ event: 'worked' });
  clock.advance(999);
  tidy.resolve({ event: 'tidied' });
  assert.equal(await ending(runner), 'done');
  clock.advance(10_000);
  assert.equal(runner.view(operation)?.state, 'done');
});

test('how long a state may last can be read off it, and be counted from the beginning of the operation', () => {
  const { kind } = runnerWith(() => new Promise(() => {}));
  const patient: AnyKind = {
    ...kind,
    table: tableOf({
      ...kind.table,
      deadlinesMs: {
        working: 1000,
        tidying: (state: State) => (state as unknown as { patienceMs: number }).patienceMs,
      },
      sinceBegun: ['tidying'],
      rows: kind.table.rows.map((one) => ({
        ...one,
        next: (state) => ({ ...state, ...one.next(state, { event: '' }) }),
      })),
    }),
  };
  const state = { state: 'working', patienceMs: 5000 };
  const begun = newRecord(patient, about, state, [], 10_000);
  assert.equal(begun.deadlineAtMs, 11_000);
  const advanced = advance(patient, begun, { event: 'worked' }, 10_700);
  assert.equal(advanced.ok && advanced.record.deadlineAtMs, 15_000);
  assert.equal(advanced.ok && lastingMs(patient, advanced.record.state, 0), 5000);
});

test('an effect that waits goes on when the time is over, or when its operation has left the state that ordered it', async () => {
  const waited: string[] = [];
  const { runner, kind } = runnerWith(async ({ effect }, _state, { wait, overtaken }) => {
    if (effect === 'tidy') return undefined;
    await wait(500);
    waited.push(`at ${clock.nowMs() - beganAtMs}${overtaken() ? ', overtaken' : ''}`);
    await wait(60_000);
    waited.push(`at ${clock.nowMs() - beganAtMs}${overtaken() ? ', overtaken' : ''}`);
    return undefined;
  });
  const beganAtMs = clock.nowMs();
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  clock.advance(500);
  await runner.deliver(operation, { event: 'nothing' });
  clock.advance(100);
  await runner.deliver(operation, { event: 'worked' });
  await runner.deliver(operation, { event: 'tidied' });
  await ending(runner);
  assert.deepEqual(waited, ['at 500', 'at 600, overtaken']);
});

test('a failure of an effect that was ordered in an earlier state changes nothing', async () => {
  const work = Promise.withResolvers<E>();
  const tidy = Promise.withResolvers<E>();
  const { runner, kind } = runnerWith((order) => (order.effect === 'work' ? work.promise : tidy.promise));
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  clock.advance(1000);
  await runner.settled(operation, ({ state }) => (state === 'tidying' ? state : undefined), 1);
  work.reject(new BrokerError('QEMU_FAILED'));
  tidy.resolve({ event: 'tidied' });
  assert.equal(await ending(runner), 'done');
});

test('an effect that undoes begins when what it undoes is no longer under way', async () => {
  const work = Promise.withResolvers<E>();
  const done: string[] = [];
  let held = true;
  const { runner, kind } = runnerWith(
    async (order) => {
      if (order.effect === 'work') await work.promise;
      done.push(`${order.effect} ${held ? 'held' : 'let go'}`);
      return order.effect === 'work' ? undefined : { event: 'tidied' };
    },
    [],
    () => {
      held = false;
    },
  );
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  clock.advance(1000);
  await runner.settled(operation, ({ state }) => (state === 'tidying' ? state : undefined), 1);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  assert.deepEqual(done, []);
  work.resolve({ event: 'worked' });
  assert.equal(await ending(runner), 'done');
  assert.deepEqual(done, ['work held', 'tidy held']);
});

test('a rejected effect becomes the event failed', async () => {
  const { runner, kind } = runnerWith(() => Promise.reject(new Error('no such thing')));
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  assert.equal(await ending(runner), 'given-up');
});

test('an event the state does not expect is not an error and changes nothing', async () => {
  const work = Promise.withResolvers<E>();
  const { runner, kind } = runnerWith((order) =>
    order.effect === 'work' ? work.promise : Promise.resolve({ event: 'tidied' }),
  );
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  await runner.deliver(operation, { event: 'tidied' });
  assert.equal(runner.stateOf(operation)?.state, 'working');
  work.resolve({ event: 'worked' });
  assert.equal(await ending(runner), 'done');
});

test('a VM has one operation at a time, and is free again when it has ended', async () => {
  const work = Promise.withResolvers<E>();
  const { runner, kind } = runnerWith((order) =>
    order.effect === 'work' ? work.promise : Promise.resolve({ event: 'tidied' }),
  );
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  await assert.rejects(runner.begin(kind, { ...about, operation: operationIdOf(2) }, begin, []), { code: 'VM_BUSY' });
  assert.throws(() => runner.hold(about.vm), { code: 'VM_BUSY' });
  work.resolve({ event: 'worked' });
  await ending(runner);
  const release = runner.hold(about.vm);
  await assert.rejects(runner.begin(kind, { ...about, operation: operationIdOf(3) }, begin, []), { code: 'VM_BUSY' });
  release();
  await runner.begin(kind, { ...about, operation: operationIdOf(4) }, begin, []);
});

test("QEMU's events reach the operation of their VM alone", async () => {
  const { runner, kind } = runnerWith(() => new Promise(() => {}));
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  runner.deliverVmEvent(vmId('other'), { kind: 'exited', detail: 'gone' });
  await runner.deliver(operation, { event: 'tidied' });
  assert.equal(runner.stateOf(operation)?.state, 'working');
  runner.deliverVmEvent(about.vm, { kind: 'exited', detail: 'gone' });
  assert.equal(await ending(runner), 'given-up');
});

test('an ended operation can still be looked at, with what it reported, and lets go once of what it held', async () => {
  let ends = 0;
  const updates: OperationView[] = [];
  const { runner, kind } = runnerWith(
    async (order, _state, { report }) => {
      report({ transferredBytes: 7 });
      return order.effect === 'work' ? { event: 'worked' } : { event: 'tidied' };
    },
    updates,
    () => ends++,
  );
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  await ending(runner);
  const view = runner.view(operation);
  assert.deepEqual(view?.outcome, { is: 'completed' });
  assert.equal(view?.progress.transferredBytes, 7);
  assert.equal(ends, 1);
  assert.deepEqual(
    runner.list(10).map((one) => one.operation),
    [operation],
  );
  assert.equal(updates.at(-1)?.state, 'done');
});

test('a figure that cannot be, as after a jump of the clock, is left out and stops nothing', async () => {
  const { runner, kind } = runnerWith(async (order, _state, { report }) => {
    report({ downtimeMs: -5, pauseMs: 1.8e12, transferredBytes: Number.NaN, loadMs: 3 });
    return order.effect === 'work' ? { event: 'worked' } : { event: 'tidied' };
  });
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  assert.equal(await ending(runner), 'done');
  assert.deepEqual(runner.view(operation)?.progress, { phase: 'done', loadMs: 3 });
});

test('waiting for an answer the state never gives ends with its own fault', async () => {
  const { runner, kind } = runnerWith(() => new Promise(() => {}));
  await runner.begin(kind, about, begin, [{ effect: 'work' }]);
  const waiting = runner.settled(operation, () => undefined, 500);
  clock.advance(500);
  await assert.rejects(waiting, { code: 'OPERATION_TIMEOUT' });
  await assert.rejects(
    runner.settled(operationIdOf(9), () => undefined, 1),
    { code: 'OPERATION_UNKNOWN' },
  );
});
