import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type VmFacts, vmWaits } from '../../../../services/broker/vms/waits.ts';
import type { Waits } from '../../../../shared/messages/view.ts';
import { hostId, operationIdOf, vmId } from '../../../support/values.ts';

const [alpha, beta] = [hostId('alpha'), hostId('beta')];
const vm = vmId('web');
const recordOf = (owner: typeof alpha, epoch: number): VmFacts['record'] => ({
  is: 'read',
  record: { vm, owner, epoch, running: true, operation: operationIdOf(1) },
});
const facts = (changes: Partial<VmFacts> = {}): VmFacts => ({
  vm,
  host: alpha,
  entry: { epoch: 3 },
  operation: undefined,
  silent: undefined,
  record: recordOf(alpha, 3),
  ...changes,
});
const operation: Waits = {
  for: 'in-doubt',
  peer: beta,
  sinceMs: 1,
  attempts: 2,
  nextAtMs: 3,
  lastFault: null,
  stuck: false,
  remedy: 'wait',
};
const fault = { code: 'QEMU_TIMEOUT', message: 'it says nothing' } as const;

test('a VM that is where its record says waits for nothing', () => {
  assert.equal(vmWaits(facts()), undefined);
});

test('what stands nearest to the guest is told first: its QEMU, its operation, its record, whom it was let go to', () => {
  const silent = { sinceMs: 5, attempts: 4, fault };
  const record: VmFacts['record'] = { is: 'fault', fault: { code: 'BUS_TIMEOUT', message: 'no answer' } };
  const entry = { epoch: 3, promisedTo: beta };
  const told = [
    facts({ silent, operation, record, entry }),
    facts({ operation, record, entry }),
    facts({ record, entry }),
    facts({ entry }),
  ].map((known) => vmWaits(known));
  assert.deepEqual(
    told.map((waits) => waits?.for),
    ['qemu', 'in-doubt', 'bus', 'let-go'],
  );
  assert.deepEqual([told[0]?.sinceMs, told[0]?.attempts, told[0]?.lastFault], [5, 4, fault]);
  assert.equal(told[1], operation);
  assert.equal(told[2]?.lastFault?.code, 'BUS_TIMEOUT');
  assert.equal(told[3]?.peer, beta);
});

test('a record that is elsewhere, forgotten or not to be believed is told as what it is', () => {
  const forged: VmFacts['record'] = { is: 'fault', fault: { code: 'MESSAGE_FORGED', message: 'another wrote it' } };
  const told = [recordOf(beta, 4), recordOf(beta, 2), { is: 'read', record: undefined } as const, forged].map(
    (record) => vmWaits(facts({ record })),
  );
  assert.deepEqual(
    told.map((waits) => [waits?.for, waits?.peer, waits?.stuck]),
    [
      ['owner', beta, false],
      ['record', undefined, false],
      ['record', undefined, false],
      ['record', undefined, true],
    ],
  );
});
