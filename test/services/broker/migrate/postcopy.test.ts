import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerToHandover, answerToRelease } from '../../../../services/broker/migrate/answers.ts';
import { migrateDestination } from '../../../../services/broker/migrate/destination.ts';
import type { DestinationEvent, DestinationState } from '../../../../services/broker/migrate/destination-states.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import type { SourceEvent } from '../../../../services/broker/migrate/source-states.ts';
import type { MigrateOptions } from '../../../../shared/messages/migrate-options.ts';
import {
  destinationBegin,
  destinationEvents,
  fault,
  sendingBy,
  sourceBegin,
  sourceEvents,
  yes,
} from '../../../support/broker/migration-events.ts';
import { orderedWithout, pick, walk } from '../../../support/broker/walk.ts';
import { clientId } from '../../../support/values.ts';

const pulledSourceEvents: SourceEvent[] = [
  ...sourceEvents,
  { event: 'postcopy-asked', by: clientId('operator') },
  { event: 'postcopy-due' },
  { event: 'postcopy-allowed', decision: yes, peerDecision: yes },
  { event: 'postcopy-began' },
  { event: 'destination-pulling', decision: yes },
  { event: 'destination-lost', lost: { code: 'MEMORY_LOST', message: 'it ended' } },
  { event: 'copy-released' },
];
const pulledDestinationEvents: DestinationEvent[] = [
  ...destinationEvents,
  { event: 'letting-go-asked' },
  { event: 'devices-loaded' },
  { event: 'running-partly' },
  { event: 'pulled' },
  { event: 'cut' },
  { event: 'memory-lost', fault },
  { event: 'source-gone' },
  { event: 'end-asked' },
  { event: 'ended' },
];
const lettingGo = [
  'allowed',
  'turn-given',
  'granted',
  'confirmed',
  'postcopy-asked',
  'converged',
  'postcopy-allowed',
] as const;
const awaiting = ['allowed', 'prepared', 'transfer-began', 'letting-go-asked', 'still-allowed'] as const;
const handedOver = [...awaiting, 'handover-received', 'devices-loaded', 'still-allowed', 'owner-moved'] as const;

test('a post-copy that goes well is one line through both tables', () => {
  const order = [...lettingGo, 'postcopy-began', 'destination-pulling', 'sent', 'destination-running', 'cleared'];
  const source = walk(migrateSource, sourceBegin, pick(pulledSourceEvents, order));
  assert.deepEqual(
    source.log.slice(-9).map(({ to, effects }) => [to, ...effects].join(' ')),
    [
      'transferring start-transfer follow-transfer',
      'starting-postcopy start-postcopy follow-transfer',
      'deciding-switchover decide-switchover',
      'letting-go switch-over await-postcopy',
      'pulling send-handover follow-transfer',
      'pulling',
      'pulling send-handover',
      'clearing destroy-copy',
      'completed',
    ],
  );
  const events = pick(pulledDestinationEvents, [...handedOver, 'running-partly', 'pulled']);
  assert.deepEqual(
    walk(migrateDestination, destinationBegin, events)
      .log.slice(-7)
      .map(({ to, effects }) => [to, ...effects].join(' ')),
    [
      'awaiting-postcopy',
      'loading-devices await-devices',
      'deciding-postcopy-run decide-run',
      'claiming move-owner',
      'running-guest run',
      'pulling look-at-pull',
      'completed',
    ],
  );
});

test('a guest that was let go never runs at its source again, unless QEMU says that it did not begin or that all was sent', () => {
  const { state } = walk(migrateSource, sourceBegin, pick(pulledSourceEvents, lettingGo));
  assert.equal(state.state, 'letting-go');
  const ordered = (...never: SourceEvent['event'][]) => orderedWithout(migrateSource, state, pulledSourceEvents, never);
  assert.ok(!ordered('transfer-failed').has('withdraw'));
  assert.ok(!ordered('sent', 'copy-released', 'destination-released').has('take-back'));
  const released = pick(pulledSourceEvents, [...lettingGo, 'postcopy-began', 'destination-released']);
  const back = walk(migrateSource, sourceBegin, released).state;
  assert.ok(back.state === 'taking-back' && back.dropsMemory);
});

test('a source whose guest is pulled destroys its copy only on the word that it is all there, or lost, or fenced away', () => {
  const { state } = walk(migrateSource, sourceBegin, pick(pulledSourceEvents, [...lettingGo, 'postcopy-began']));
  assert.equal(state.state, 'pulling');
  const ends = ['destination-running', 'destination-lost', 'overruled'] as const;
  assert.ok(!orderedWithout(migrateSource, state, pulledSourceEvents, ends).has('destroy-copy'));
  assert.ok(
    !orderedWithout(migrateSource, sourceBegin, pulledSourceEvents, ['postcopy-began', 'sent']).has('send-handover'),
  );
});

test('a destination in post-copy gives up for no deadline, refusal or cancelling', () => {
  const { state } = walk(migrateDestination, destinationBegin, pick(pulledDestinationEvents, awaiting));
  assert.equal(state.state, 'awaiting-postcopy');
  const reasons = ['transfer-failed', 'release-asked', 'owner-lost', 'guest-lost'] as const;
  const ends = ['source-gone', 'end-asked', 'memory-lost'] as const;
  const without = (...never: DestinationEvent['event'][]) =>
    orderedWithout(migrateDestination, state, pulledDestinationEvents, never);
  assert.ok(!without(...reasons).has('destroy'));
  assert.ok(!without(...ends).has('end-guest'));
  assert.ok(without().has('destroy') && without().has('end-guest'));
});

test('a destination in post-copy runs the guest only handed over, with its devices loaded, decided again and with the record', () => {
  for (const needed of ['handover-received', 'devices-loaded', 'owner-moved'] as const) {
    const { state } = walk(migrateDestination, destinationBegin, pick(pulledDestinationEvents, awaiting));
    assert.ok(!orderedWithout(migrateDestination, state, pulledDestinationEvents, [needed]).has('run'), needed);
  }
  const order = [...awaiting, 'handover-received', 'devices-loaded', 'refused'];
  const refused = walk(migrateDestination, destinationBegin, pick(pulledDestinationEvents, order));
  assert.equal(refused.state.state, 'deciding-postcopy-run');
  assert.deepEqual(refused.log.at(-1)?.effects, []);
});

test('post-copy is started at the timeout only where it was allowed and nothing else was asked for', () => {
  const at = (options: Partial<MigrateOptions>) => migrateSource.deadlineOf(sendingBy(options));
  assert.equal(at({ allowPostcopy: true }), 'postcopy-due');
  assert.equal(at({ allowPostcopy: true, onTimeout: 'postcopy' }), 'postcopy-due');
  assert.equal(at({ allowPostcopy: true, onTimeout: 'force' }), 'force-due');
  assert.equal(at({ allowPostcopy: true, onTimeout: 'abort' }), 'deadline-passed');
  assert.equal(at({ onTimeout: 'postcopy' }), 'deadline-passed');
});

test('a destination that still pulls answers a handover, and no question after which its source would destroy the copy', () => {
  for (const last of [[], ['cut']] as const) {
    const events = pick(pulledDestinationEvents, [...handedOver, 'running-partly', ...last]);
    const state: DestinationState = walk(migrateDestination, destinationBegin, events).state;
    assert.equal(answerToHandover(state)?.is, 'pulling');
    assert.equal(answerToRelease(state), undefined);
  }
});
