import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateDestination } from '../../../../services/broker/migrate/destination.ts';
import { migrateSource } from '../../../../services/broker/migrate/source.ts';
import { isSending, isTakingIn, isWaiting } from '../../../../services/broker/queue/limits.ts';

const statesOf = ({ rows }: { readonly rows: readonly { readonly from: string; readonly to: string }[] }) => [
  ...new Set(rows.flatMap(({ from, to }) => [from, to])),
];
const open = (kind: 'migrate-source' | 'migrate-destination', state: string) => ({
  kind,
  state: { state },
  endedAtMs: null,
});

test('a VM counts as being sent in every state but those before its turn and those in which no memory goes any more', () => {
  const states = statesOf(migrateSource);
  const waiting = states.filter((state) => isWaiting(open('migrate-source', state)));
  const sending = states.filter((state) => isSending(open('migrate-source', state)));
  assert.deepEqual(waiting.toSorted(), ['deciding', 'queued']);
  const others = states.filter((state) => !waiting.includes(state) && !sending.includes(state));
  assert.deepEqual(others.toSorted(), ['clearing', 'completed', 'in-doubt', 'lost', 'taking-back', 'unmoved']);
});

test('a VM counts as being taken in in every state until its record is moved, and while the rest of it is pulled', () => {
  const others = statesOf(migrateDestination).filter((state) => !isTakingIn(open('migrate-destination', state)));
  assert.deepEqual(others.toSorted(), ['claiming', 'closed', 'completed', 'cut-off', 'lost', 'running-guest']);
});
