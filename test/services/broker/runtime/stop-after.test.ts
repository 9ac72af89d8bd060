import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Journal, OperationRecord } from '../../../../services/broker/runtime/kind.ts';
import { stoppingAfter } from '../../../../services/broker/runtime/stop-after.ts';
import { operationIdOf, vmId } from '../../../support/values.ts';

const recordIn = (state: string) =>
  ({ operation: operationIdOf(1), kind: 'save', vm: vmId('web'), state: { state } }) as unknown as OperationRecord;

test('the stop comes when the record is on disk and nobody knows of it yet, and once', async () => {
  const story: string[] = [];
  const inner = { write: async (record: OperationRecord) => void story.push(`on disk ${record.state.state}`) };
  const journal = stoppingAfter(inner as Journal, 'save:sealing', () => story.push('stop'));
  for (const state of ['saving', 'sealing', 'sealing', 'completed']) {
    await journal.write(recordIn(state));
    story.push(`known ${state}`);
  }
  assert.deepEqual(story, [
    'on disk saving',
    'known saving',
    'on disk sealing',
    'stop',
    'known sealing',
    'on disk sealing',
    'known sealing',
    'on disk completed',
    'known completed',
  ]);
});

test('of several points each counts from when the one before it was come to', async () => {
  const stops: string[] = [];
  let state = '';
  const inner = { write: async () => {} } as unknown as Journal;
  const journal = stoppingAfter(inner, 'save:sealing,save:saving', () => stops.push(state));
  for (state of ['saving', 'sealing', 'saving', 'sealing', 'saving']) await journal.write(recordIn(state));
  assert.deepEqual(stops, ['sealing', 'saving']);
});

test('without a point the journal is as it was', () => {
  const journal = {} as Journal;
  assert.equal(
    stoppingAfter(journal, undefined, () => assert.fail()),
    journal,
  );
});
