import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeFenced } from '../../../../services/broker/ownership/fence.ts';
import { planRecovery, type RecoveryFacts } from '../../../../services/broker/ownership/recovery.ts';
import type { Ownership } from '../../../../services/broker/runtime/ports.ts';
import type { OwnerRecord } from '../../../../shared/messages/record.ts';
import { hostId, operationIdOf, vmId } from '../../../support/values.ts';

const vm = vmId('web');
const [alpha, beta, gamma] = [hostId('alpha'), hostId('beta'), hostId('gamma')];
const recordOf = (owner: typeof alpha, epoch: number): OwnerRecord => ({
  vm,
  owner,
  epoch,
  running: true,
  operation: operationIdOf(1),
});
/** Alpha, which has a checkpoint of a VM that is beta's in epoch 4. */
const facts = (changes: Partial<RecoveryFacts> = {}): RecoveryFacts => ({
  vm,
  host: alpha,
  decidesAlone: true,
  record: recordOf(beta, 4),
  entry: undefined,
  knownEpoch: 2,
  doubt: undefined,
  runsHere: false,
  defined: true,
  ...changes,
});
const planOf = (changes: Partial<RecoveryFacts> = {}, memory?: 'keep' | 'drop') => {
  const { about, fenced, epoch, memory: chosen } = planRecovery(facts(changes), memory);
  return [about, fenced, epoch, chosen];
};
const doubt = { destination: beta, epoch: 3 };

test('a VM of a host that is gone is taken over in the next epoch, where something of it is known', () => {
  assert.deepEqual(planOf(), ['owner', beta, 5, 'none']);
  assert.throws(() => planOf({ defined: false }), { code: 'VM_UNKNOWN' });
});

test('a VM that was let go is recovered from the host it was let go to', () => {
  const letGo = { record: recordOf(alpha, 4), entry: { promisedTo: beta } };
  assert.deepEqual(planOf(letGo), ['let-go', beta, 5, 'none']);
});

test('a guest in doubt goes on from its memory unless the record says that the destination had it, or the operator says otherwise', () => {
  assert.deepEqual(planOf({ doubt, record: recordOf(alpha, 3) }), ['handover', beta, 5, 'keep']);
  assert.deepEqual(planOf({ doubt, record: recordOf(beta, 4) }), ['handover', beta, 5, 'drop']);
  assert.deepEqual(planOf({ doubt, record: recordOf(beta, 4) }, 'keep'), ['handover', beta, 5, 'keep']);
  assert.deepEqual(planOf({ doubt, record: recordOf(alpha, 3) }, 'drop'), ['handover', beta, 5, 'drop']);
});

test('what is nobody else’s, runs here, or is a third host’s is not recovered', () => {
  assert.throws(() => planOf({ record: recordOf(alpha, 4) }), { code: 'VM_STATE' });
  assert.throws(() => planOf({ runsHere: true }), { code: 'OWNER_CONFLICT' });
  assert.throws(() => planOf({ doubt, record: recordOf(gamma, 6) }), { code: 'OWNER_CONFLICT' });
});

test('the epoch is newer than every one that is known, by far where the bucket may have forgotten some', () => {
  assert.equal(planOf({ knownEpoch: 9 })[2], 10);
  assert.equal(planOf({ doubt: { destination: beta, epoch: 7 }, record: undefined })[2], 9);
  assert.ok(Number(planOf({ decidesAlone: false })[2]) > 4 + 100);
});

test('two hosts that recover one VM, each without the other having been remembered, are in different epochs', () => {
  const epochAt = (host: typeof alpha, decidesAlone: boolean) =>
    planOf({ host, record: recordOf(beta, 4), decidesAlone })[2];
  assert.notEqual(epochAt(alpha, false), epochAt(gamma, false));
  // Of records that three servers keep none is forgotten: there one of the two loses by compare-and-set.
  assert.equal(epochAt(alpha, true), epochAt(gamma, true));
});

test('every plan says that the other host must be off, what is lost, and what the bus may forget', () => {
  const { risks } = planRecovery(facts({ decidesAlone: false }), undefined);
  assert.match(risks[0] ?? '', /beta must be off for good.*two guests write to one disk/);
  assert.match(risks[1] ?? '', /had in memory is lost/);
  assert.match(risks[2] ?? '', /should the bus forget this word/);
  assert.equal(planRecovery(facts(), undefined).risks.length, 2, 'three copies forget nothing');
  const kept = planRecovery(facts({ doubt, record: recordOf(alpha, 3) }), undefined);
  assert.match(kept.risks[1] ?? '', /if the guest ran on beta for only a moment.*--memory drop/);
});

/** A bucket of one record. */
function bucketWith(record: OwnerRecord | undefined) {
  const writes: OwnerRecord[] = [];
  const ownership = {
    read: async () => (record === undefined ? undefined : { record: writes.at(-1) ?? record, revision: 1 }),
    async write(written: OwnerRecord) {
      writes.push(written);
      return 2;
    },
  } as unknown as Ownership;
  return { mover: { ownership, host: alpha }, writes };
}
const taken = { vm, epoch: 5, running: false, operation: operationIdOf(2) };

test('the record is taken from the fenced host alone, once, and only in a newer epoch', async () => {
  const { mover, writes } = bucketWith(recordOf(beta, 4));
  await takeFenced(mover, taken, beta);
  await takeFenced(mover, taken, beta);
  assert.deepEqual(writes, [{ ...taken, owner: alpha }]);
  for (const [record, fenced] of [
    [recordOf(gamma, 4), beta],
    [recordOf(beta, 5), beta],
    [recordOf(beta, 6), beta],
  ] as const) {
    const other = bucketWith(record);
    await assert.rejects(takeFenced(other.mover, taken, fenced), { code: 'OWNER_CONFLICT' });
    assert.deepEqual(other.writes, []);
  }
});
