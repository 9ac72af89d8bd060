import assert from 'node:assert/strict';
import { test } from 'node:test';
import { step } from '../../../../services/broker/machine/table.ts';
import { migrateDestination } from '../../../../services/broker/migrate/destination.ts';
import type { DestinationEvent, DestinationState } from '../../../../services/broker/migrate/destination-states.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import type { SourceEvent, SourceState } from '../../../../services/broker/migrate/source-states.ts';
import type { MigrateOptions } from '../../../../shared/messages/migrate-options.ts';
import {
  destinationBegin,
  destinationEvents,
  no,
  sendingBy,
  sourceBegin,
  sourceEvents,
} from '../../../support/broker/migration-events.ts';
import { orderedWithout, pick, walk } from '../../../support/broker/walk.ts';

const sourceWithout = (...never: SourceEvent['event'][]) =>
  orderedWithout(migrateSource, sourceBegin, sourceEvents, never);
const destinationWithout = (...never: DestinationEvent['event'][]) =>
  orderedWithout(migrateDestination, destinationBegin, destinationEvents, never);

test('a migration that goes well is one line through both tables', () => {
  const source = walk(
    migrateSource,
    sourceBegin,
    pick(sourceEvents, [
      'allowed',
      'turn-given',
      'granted',
      'confirmed',
      'converged',
      'switchover-allowed',
      'sent',
      'destination-running',
      'cleared',
    ]),
  );
  assert.deepEqual(
    source.log.map(({ to, effects }) => [to, ...effects].join(' ')),
    [
      'queued',
      'offering send-offer',
      'confirming decide-first-byte',
      'transferring start-transfer follow-transfer',
      'deciding-switchover decide-switchover',
      'switching-over switch-over',
      'handing-over send-handover',
      'clearing destroy-copy',
      'completed',
    ],
  );
  const order = [
    'allowed',
    'prepared',
    'transfer-began',
    'switchover-asked',
    'still-allowed',
    'loaded',
    'handover-received',
    'still-allowed',
    'owner-moved',
    'running',
  ];
  const destination = walk(migrateDestination, destinationBegin, pick(destinationEvents, order));
  assert.deepEqual(
    destination.log.map(({ to, effects }) => [to, ...effects].join(' ')),
    [
      'preparing prepare',
      'granted',
      'receiving',
      'deciding-switchover decide-switchover',
      'awaiting-handover',
      'loaded',
      'deciding-run decide-run',
      'claiming move-owner',
      'running-guest run',
      'completed',
    ],
  );
});

test('every effect of both tables can be ordered', () => {
  const all = [
    'decide-first-byte',
    'decide-switchover',
    'destroy-copy',
    'follow-transfer',
    'force',
    'resolve-doubt',
    'send-handover',
    'send-offer',
    'send-release',
    'start-transfer',
    'switch-over',
    'take-back',
    'withdraw',
  ];
  assert.deepEqual([...sourceWithout()].sort(), all);
  assert.deepEqual([...destinationWithout()].sort(), [
    'decide-run',
    'decide-switchover',
    'destroy',
    'move-owner',
    'prepare',
    'run',
  ]);
});

test('the destination prepares nothing unless policy said yes', () => {
  assert.ok(!destinationWithout('allowed').has('prepare'));
});

test('the destination runs the guest only when it has moved the record, and moves it only loaded, handed over and decided again', () => {
  assert.ok(!destinationWithout('owner-moved').has('run'));
  for (const needed of ['handover-received', 'loaded', 'switchover-asked', 'still-allowed'] as const) {
    assert.ok(!destinationWithout(needed).has('move-owner'), needed);
  }
});

test('a destination that has begun to move the record destroys its copy only when it lost the record or the guest', () => {
  const order = [
    'allowed',
    'prepared',
    'switchover-asked',
    'still-allowed',
    'loaded',
    'handover-received',
    'still-allowed',
  ];
  const { state } = walk(migrateDestination, destinationBegin, pick(destinationEvents, order));
  assert.equal(state.state, 'claiming');
  assert.ok(!orderedWithout(migrateDestination, state, destinationEvents, ['owner-lost', 'guest-lost']).has('destroy'));
  assert.ok(orderedWithout(migrateDestination, state, destinationEvents, []).has('destroy'));
});

test('the source sends no offer before policy said yes, no byte before it said so twice, and switches over only with both', () => {
  assert.ok(!sourceWithout('allowed').has('send-offer'));
  assert.ok(!sourceWithout('granted').has('start-transfer'));
  assert.ok(!sourceWithout('confirmed').has('start-transfer'));
  assert.ok(!sourceWithout('switchover-allowed').has('switch-over'));
});

test('the source hands over only what QEMU has sent, and destroys its copy only when the destination runs, or another host has the VM by a fence', () => {
  assert.ok(!sourceWithout('sent').has('send-handover'));
  assert.ok(!sourceWithout('destination-running', 'overruled').has('destroy-copy'));
});

test('a source that has handed over neither withdraws nor takes back what was not released', () => {
  const order = ['allowed', 'turn-given', 'granted', 'confirmed', 'converged', 'switchover-allowed', 'sent'];
  const { state } = walk(migrateSource, sourceBegin, pick(sourceEvents, order));
  assert.equal(state.state, 'handing-over');
  assert.ok(!orderedWithout(migrateSource, state, sourceEvents, []).has('withdraw'));
  assert.ok(!orderedWithout(migrateSource, state, sourceEvents, ['destination-released', 'refused']).has('take-back'));
});

test('a refusal at switchover withdraws the transfer and tells the destination', () => {
  const events = pick(sourceEvents, [
    'allowed',
    'turn-given',
    'granted',
    'confirmed',
    'converged',
    'refused',
    'withdrawn',
  ]);
  const { state, log } = walk(migrateSource, sourceBegin, events);
  assert.deepEqual(log.at(-2), { on: 'refused', to: 'withdrawing', effects: ['withdraw', 'send-release'] });
  assert.deepEqual(state.state === 'unmoved' && state.outcome, { is: 'refused', decision: no });
});

test('an unanswered handover is asked about until the destination says which way it went', () => {
  const events = pick(sourceEvents, [
    'allowed',
    'turn-given',
    'granted',
    'confirmed',
    'converged',
    'switchover-allowed',
    'sent',
    'failed',
    'unresolved',
    'deadline-passed',
    'destination-released',
    'taken-back',
  ]);
  const { state, log } = walk(migrateSource, sourceBegin, events);
  assert.deepEqual(
    log.slice(-5).map(({ to, effects }) => [to, ...effects].join(' ')),
    ['in-doubt resolve-doubt', 'in-doubt', 'in-doubt resolve-doubt', 'taking-back take-back', 'unmoved'],
  );
  assert.equal(state.state, 'unmoved');
});

const receivingBy = (options: Partial<MigrateOptions>): DestinationState => {
  const begin = { ...destinationBegin, options: { ...destinationBegin.options, ...options } };
  const { state } = walk(migrateDestination, begin, pick(destinationEvents, ['allowed', 'prepared', 'transfer-began']));
  assert.equal(state.state, 'receiving');
  return state;
};
const stateOf = (table: typeof migrateSource, state: SourceState, event: string): SourceState => {
  const stepped = step(table, state, { event } as SourceEvent);
  assert.ok(stepped.ok);
  return stepped.state;
};

test('a transfer ends at its own timeout by what was asked for, an hour where nothing was', () => {
  const usual = sendingBy({});
  assert.equal(migrateSource.lastingMs(usual), 3_600_000);
  assert.equal(stateOf(migrateSource, usual, migrateSource.deadlineOf(usual)).state, 'withdrawing');
  const abort = sendingBy({ timeoutMs: 5_000, onTimeout: 'abort' });
  assert.equal(migrateSource.lastingMs(abort), 5_000);
  assert.equal(stateOf(migrateSource, abort, migrateSource.deadlineOf(abort)).state, 'withdrawing');
  const force = sendingBy({ timeoutMs: 5_000, onTimeout: 'force' });
  const forced = stateOf(migrateSource, force, migrateSource.deadlineOf(force));
  assert.deepEqual([forced.state, forced.forced], ['forcing', { by: null }]);
  assert.equal(stateOf(migrateSource, forced, migrateSource.deadlineOf(forced)).state, 'withdrawing');
});

test('a destination waits longer than its source may take, whatever is done at the timeout', () => {
  for (const timeoutMs of [5_000, 86_400_000]) {
    const source = sendingBy({ timeoutMs, onTimeout: 'force' });
    const forced = stateOf(migrateSource, source, 'force-due');
    const sourceMs = (migrateSource.lastingMs(source) ?? 0) + (migrateSource.lastingMs(forced) ?? 0);
    assert.ok((migrateDestination.lastingMs(receivingBy({ timeoutMs })) ?? 0) > sourceMs);
  }
});

test('a guest is paused by force only while its memory is sent, and a transfer that was forced is called off like any other', () => {
  for (const never of ['force-asked', 'force-due'] as const) {
    assert.ok(sourceWithout(never).has('force'));
  }
  assert.ok(!sourceWithout('force-asked', 'force-due').has('force'));
  assert.ok(!sourceWithout('confirmed').has('force'));
  const forced = stateOf(migrateSource, sendingBy({}), 'force-due');
  for (const event of pick(sourceEvents, ['transfer-failed', 'failed', 'cancel-asked', 'deadline-passed'])) {
    const stepped = step(migrateSource, forced, event);
    assert.ok(stepped.ok);
    assert.deepEqual(
      [stepped.state.state, ...stepped.effects.map(({ effect }) => effect)],
      ['withdrawing', 'withdraw', 'send-release'],
    );
  }
});
