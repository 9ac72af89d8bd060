import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, State } from '../../../../services/broker/machine/row.ts';
import { step, type Table } from '../../../../services/broker/machine/table.ts';
import { migrateDestination } from '../../../../services/broker/migrate/destination.ts';
import type { DestinationEvent, DestinationState } from '../../../../services/broker/migrate/destination-states.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import type { SourceEvent, SourceState } from '../../../../services/broker/migrate/source-states.ts';
import type { MigrateOptions } from '../../../../shared/messages/migrate-options.ts';
import { carnetFor, clientId, decisionOf, hostId, operationIdOf, vmId } from '../../../support/values.ts';

const fault = { code: 'TRANSFER_FAILED', message: 'the line is cut' } as const;
const yes = decisionOf('allowed');
const no = decisionOf('refused');
const carnet = carnetFor('web1');
const grant = {
  is: 'grant',
  grantId: new Uint8Array(16),
  decision: yes,
  address: '127.0.0.1',
  port: 4444,
  transferKey: new Uint8Array(32),
  expiresAtMs: 0,
} as const;

const sourceBegin: SourceState = {
  state: 'deciding',
  operation: operationIdOf(1),
  vm: vmId('web1'),
  destination: hostId('beta'),
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  priority: 5,
  queueMsMax: 600_000,
  drain: false,
  request: new Uint8Array(),
};
const destinationBegin: DestinationState = {
  state: 'deciding',
  operation: operationIdOf(1),
  vm: vmId('web1'),
  source: hostId('alpha'),
  carnet,
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  request: new Uint8Array(),
  transferKey: new Uint8Array(32),
  offerDigest: new Uint8Array(32),
};

const sourceEvents: SourceEvent[] = [
  { event: 'allowed', decision: yes, carnet },
  { event: 'turn-given' },
  { event: 'destination-busy', nowMs: 0, untilMs: 1_000 },
  { event: 'confirmed', decision: yes },
  { event: 'refused', decision: no },
  { event: 'failed', fault },
  { event: 'granted', grant, decision: yes },
  { event: 'converged' },
  { event: 'switchover-allowed', decision: yes, peerDecision: yes },
  { event: 'sent' },
  { event: 'transfer-failed', fault },
  { event: 'destination-running' },
  { event: 'destination-released' },
  { event: 'unresolved' },
  { event: 'overruled' },
  { event: 'taken-back' },
  { event: 'withdrawn' },
  { event: 'cleared' },
  { event: 'cancel-asked' },
  { event: 'force-asked', by: clientId('operator') },
  { event: 'force-due' },
  { event: 'deadline-passed' },
];
const destinationEvents: DestinationEvent[] = [
  { event: 'allowed', decision: yes, label: carnet.label },
  { event: 'still-allowed', decision: yes },
  { event: 'refused', decision: no },
  { event: 'failed', fault },
  { event: 'prepared', grant },
  { event: 'transfer-began' },
  { event: 'switchover-asked' },
  { event: 'loaded' },
  { event: 'handover-received', epoch: 2 },
  { event: 'transfer-failed', fault },
  { event: 'owner-moved' },
  { event: 'owner-lost', fault },
  { event: 'guest-lost', fault },
  { event: 'running' },
  { event: 'closed' },
  { event: 'release-asked' },
  { event: 'cancel-asked' },
  { event: 'deadline-passed' },
];

/** What a walk through a table did: the events that were taken, and the effects that were ordered, in order. */
function walk<S extends State, E extends Event>(
  table: Table<S, E, { effect: string }>,
  begin: S,
  events: readonly E[],
) {
  const log: { on: string; to: string; effects: string[] }[] = [];
  let state = begin;
  for (const event of events) {
    const stepped = step(table, state, event);
    if (!stepped.ok) continue;
    state = stepped.state;
    log.push({ on: event.event, to: state.state, effects: stepped.effects.map(({ effect }) => effect) });
  }
  return { state, log };
}

/**
 * Everything that can be ordered from a state on when some events never happen: every row is taken, so what is not in the
 * answer cannot happen without one of them.
 */
function orderedWithout<S extends State, E extends Event>(
  table: Table<S, E, { effect: string }>,
  begin: S,
  events: readonly E[],
  never: readonly E['event'][],
): Set<string> {
  const ordered = new Set<string>();
  const seen = new Map([[begin.state, begin]]);
  for (const state of seen.values()) {
    for (const event of events) {
      if (never.includes(event.event)) continue;
      const stepped = step(table, state, event);
      if (!stepped.ok) continue;
      for (const { effect } of stepped.effects) ordered.add(effect);
      if (!seen.has(stepped.state.state)) seen.set(stepped.state.state, stepped.state);
    }
  }
  return ordered;
}

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

function pick<E extends Event>(events: readonly E[], names: readonly string[]): E[] {
  return names.map((name) => {
    const found = events.find(({ event }) => event === name);
    assert.ok(found, name);
    return found;
  });
}

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

const sendingBy = (options: Partial<MigrateOptions>): SourceState => {
  const begin = { ...sourceBegin, options: { ...sourceBegin.options, ...options } };
  return walk(migrateSource, begin, pick(sourceEvents, ['allowed', 'turn-given', 'granted', 'confirmed'])).state;
};
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
      'starting-postcopy start-postcopy follow-transfer',
      'deciding-switchover decide-switchover',
      'letting-go switch-over await-postcopy',
      'pulling send-handover follow-transfer',
      'pulling',
      'pulling send-handover',
      'clearing destroy-copy',
      'completed',
    ].toSpliced(0, 0, 'transferring start-transfer follow-transfer'),
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
