import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  backoffMs,
  busyDestinations,
  inOrder,
  type LastTurns,
  turns,
  type Waiting,
} from '../../../../services/broker/queue/order.ts';
import type { ClientName } from '../../../../shared/ids.ts';
import { clientId, hostId, operationIdOf } from '../../../support/values.ts';

const nowMs = 1_000_000;

const waiting = (operation: number, changes: Partial<Waiting> = {}): Waiting => ({
  operation: operationIdOf(operation),
  client: clientId('operator'),
  destination: hostId('beta'),
  priority: 5,
  startedAtMs: operation,
  ...changes,
});

const clients = ['anna', 'bert', 'cora'].map(clientId);
const anyWaiting = fc
  .array(
    fc.record({
      client: fc.constantFrom(...clients),
      destination: fc.constantFrom(hostId('beta'), hostId('gamma')),
      priority: fc.constantFrom(1, 5, 9),
      startedAtMs: fc.integer({ min: 0, max: 5 }),
      busyUntilMs: fc.option(fc.integer({ min: nowMs - 5_000, max: nowMs + 60_000 }), { nil: undefined }),
    }),
    { maxLength: 30 },
  )
  .map((all) => all.map((one, at): Waiting => ({ ...one, operation: operationIdOf(at) })));
const anyLast = fc
  .dictionary(fc.constantFrom('1', '5', '9'), fc.constantFrom(...clients, clientId('somebody-else')))
  .map(
    (names): LastTurns =>
      (priority) =>
        names[String(priority)],
  );
const nobody: LastTurns = () => undefined;
const numbersOf = (all: readonly Waiting[]) => all.map(({ operation }) => Number(operation.slice(3)));

test('the order has everybody who waits, once', () => {
  fc.assert(
    fc.property(anyWaiting, anyLast, (all, last) => {
      assert.deepEqual(numbersOf(inOrder(all, last)).sort(), numbersOf(all).sort());
    }),
  );
});

test('a higher priority is always before a lower one, and of one client and priority the older is first', () => {
  fc.assert(
    fc.property(anyWaiting, anyLast, (all, last) => {
      const order = inOrder(all, last);
      for (const [at, one] of order.entries()) {
        for (const later of order.slice(at + 1)) {
          assert.ok(one.priority >= later.priority);
          if (one.client === later.client && one.priority === later.priority)
            assert.ok(one.startedAtMs <= later.startedAtMs);
        }
      }
    }),
  );
});

test('between two turns of a client every other client of that priority has one, while it waits', () => {
  fc.assert(
    fc.property(anyWaiting, anyLast, (all, last) => {
      const order = inOrder(all, last).filter(({ priority }) => priority === 5);
      for (const [at, one] of order.entries()) {
        const next = order.findIndex(({ client }, later) => later > at && client === one.client);
        if (next < 0) continue;
        const waitingStill = new Set(order.slice(next).map(({ client }) => client));
        const between = new Set(order.slice(at, next).map(({ client }) => client));
        assert.deepEqual(
          [...waitingStill].filter((client) => !between.has(client)),
          [],
        );
      }
    }),
  );
});

test('one turn at a time, nobody waits for more turns than there are clients, whatever others ask for meanwhile', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 3 }), (asked) => {
      let lastClient: ClientName | undefined;
      let all = [waiting(0, { client: clientId('patient') })];
      for (let turn = 0; turn <= clients.length; turn++) {
        const more = clients.flatMap((client, at) =>
          Array.from({ length: asked[at] ?? 0 }, (_, n) =>
            waiting(100 * (turn + 1) + 10 * at + n, { client, startedAtMs: -1 }),
          ),
        );
        all = [...all, ...more];
        const [next] = turns(all, { free: 1, nowMs, last: () => lastClient });
        if (next?.client === 'patient') return;
        lastClient = next?.client;
        all = all.filter((one) => one !== next);
      }
      assert.fail('the patient one had no turn');
    }),
  );
});

test('no more have a turn than may, and none whose destination is let alone', () => {
  fc.assert(
    fc.property(anyWaiting, anyLast, fc.integer({ min: -1, max: 4 }), (all, last, free) => {
      const busy = busyDestinations(all, nowMs);
      const given = turns(all, { free, nowMs, last });
      assert.ok(given.length <= Math.max(0, free));
      assert.deepEqual(
        given.filter(({ destination }) => busy.has(destination)),
        [],
      );
      const able = all.filter(({ destination }) => !busy.has(destination));
      assert.equal(given.length, Math.max(0, Math.min(free, able.length)));
    }),
  );
});

test('those whose destination has room go before an older and more urgent one whose destination has none', () => {
  const all = [
    waiting(1, { priority: 9, busyUntilMs: nowMs + 500 }),
    waiting(2, { priority: 9 }),
    waiting(3, { destination: hostId('gamma') }),
  ];
  assert.deepEqual(numbersOf(turns(all, { free: 2, nowMs, last: nobody })), [3]);
  assert.deepEqual(numbersOf(turns(all, { free: 2, nowMs: nowMs + 500, last: nobody })), [1, 2]);
});

test('a destination without room is asked ever more seldom, and a clock that was set back makes nobody wait for longer', () => {
  assert.deepEqual([0, 1, 2, 20].map(backoffMs), [1_000, 2_000, 4_000, 30_000]);
  const busy = busyDestinations([waiting(1, { busyUntilMs: nowMs + 7_200_000 })], nowMs);
  assert.deepEqual([...busy.values()], [nowMs + 30_000]);
});
