import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, State } from '../../../../services/broker/machine/row.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import type { SourceEvent } from '../../../../services/broker/migrate/source-states.ts';
import type { AnyKind, OperationRecord } from '../../../../services/broker/runtime/kind.ts';
import { advance, newRecord, viewOf } from '../../../../services/broker/runtime/record.ts';
import { stuckAfter, waitsOf } from '../../../../services/broker/runtime/waits.ts';
import { carnetFor, clientId, decisionOf, hostId, operationIdOf, vmId } from '../../../support/values.ts';

const operation = operationIdOf(1);
const vm = vmId('web');
const kind = { name: 'migrate-source', table: migrateSource, outcomeOf: () => null } as unknown as AnyKind;
const about = { operation, vm, client: clientId('operator') };
const deciding = { state: 'deciding', operation, vm, destination: hostId('beta'), options: {} } as unknown as State;
const away = { code: 'BUS_TIMEOUT', message: 'nobody answered' } as const;

/** A migration at the source after these events, a second apart. */
function after(...events: readonly SourceEvent[]): OperationRecord {
  let record = newRecord(kind, about, deciding, [], 1000);
  for (const [at, event] of events.entries()) {
    const advanced = advance(kind, record, event as Event, 2000 + at * 1000);
    assert.ok(advanced.ok, `${record.state.state} ${event.event}`);
    record = advanced.record;
  }
  return record;
}

const yes = decisionOf('allowed');
const begun: readonly SourceEvent[] = [
  { event: 'allowed', decision: yes, carnet: carnetFor('web') },
  { event: 'turn-given' },
  { event: 'granted', grant: {} as never, decision: yes },
  { event: 'confirmed', decision: yes },
];
const handedOver: readonly SourceEvent[] = [
  ...begun,
  { event: 'converged' },
  { event: 'switchover-allowed', decision: yes, peerDecision: yes },
  { event: 'sent' },
];

test('a source in doubt says about whom, since when, how often it has asked, what it was told last, and what would help', () => {
  const record = after(
    ...handedOver,
    { event: 'failed', fault: away },
    { event: 'unresolved' },
    { event: 'deadline-passed' },
    { event: 'unresolved', fault: { code: 'BUS_NO_RESPONDER', message: 'nobody listens' } },
  );
  const waits = waitsOf(kind, record);
  assert.deepEqual(
    { ...waits, remedy: undefined },
    {
      for: 'in-doubt',
      peer: 'beta',
      sinceMs: 9000,
      attempts: 2,
      nextAtMs: record.deadlineAtMs,
      lastFault: { code: 'BUS_NO_RESPONDER', message: 'nobody listens' },
      stuck: false,
      remedy: undefined,
    },
  );
  assert.match(waits?.remedy ?? '', /carnet vm recover web --fence-confirmed/);
  assert.deepEqual(viewOf(kind, record).waits, waits);
});

test('the fault that brought an operation into doubt is told until a newer one is known', () => {
  const record = after(...handedOver, { event: 'failed', fault: away }, { event: 'unresolved' });
  assert.deepEqual(waitsOf(kind, record)?.lastFault, away);
});

test('an operation that goes on waits for nothing, and neither does one that has ended', () => {
  for (let events = 0; events <= handedOver.length; events++) {
    assert.equal(waitsOf(kind, after(...handedOver.slice(0, events))), undefined);
  }
  const ended = after(...handedOver, { event: 'destination-running' }, { event: 'cleared' });
  assert.equal(waitsOf(kind, ended), undefined);
});

test('what fails again and again is called stuck after so many attempts, and tries on', () => {
  const again = (times: number) => Array.from({ length: times }, () => ({ event: 'deadline-passed' }) as const);
  const withdrawing = [...begun, { event: 'cancel-asked' }, { event: 'failed', fault: away }] as const;
  assert.deepEqual(
    [0, stuckAfter - 2, stuckAfter - 1, stuckAfter].map((times) => {
      const waits = waitsOf(kind, after(...withdrawing, ...again(times)));
      return [waits?.for, waits?.attempts, waits?.stuck];
    }),
    [
      ['withdrawing', 1, false],
      ['withdrawing', stuckAfter - 1, false],
      ['withdrawing', stuckAfter, true],
      ['withdrawing', stuckAfter + 1, true],
    ],
  );
});
