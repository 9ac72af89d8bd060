import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { claim, markStopped, moveHere, putBack, takeBack } from '../../../../services/broker/ownership/claim.ts';
import { createOwnership } from '../../../../services/broker/ownership/records.ts';
import type { Ownership } from '../../../../services/broker/runtime/ports.ts';
import type { Bucket } from '../../../../shared/bus/bus.ts';
import { createMemoryHub } from '../../../../shared/bus/memory.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { buckets } from '../../../../shared/messages/record.ts';
import { systemClock as clock } from '../../../../shared/time/clock.ts';
import { createTestFleet, type TestFleet } from '../../../support/pki.ts';
import { hostId, operationIdOf, vmId } from '../../../support/values.ts';

const vm = vmId('web1');
const [alpha, beta] = [hostId('alpha'), hostId('beta')];
const [first, second, third] = [operationIdOf(1), operationIdOf(2), operationIdOf(3)];
/** A host that has a QEMU of the VM, and one that never heard of it. */
const intend = () => assert.fail('nothing is intended without the word of an owner');
const byOwner = { by: 'owner', runsHere: true, ownEpoch: undefined, knownEpoch: 0, intend } as const;
const byAnyone = { by: 'anyone', runsHere: false, ownEpoch: undefined, knownEpoch: 0, intend } as const;
let fleet: TestFleet;
let bucket: Bucket;
let at: (
  host: ReturnType<typeof hostId>,
  over?: Bucket,
) => Promise<{ ownership: Ownership; host: ReturnType<typeof hostId> }>;

before(async () => {
  fleet = await createTestFleet();
});
beforeEach(async () => {
  bucket = await bucketOf(3);
  at = async (host, over = bucket) => {
    const identity = await fleet.identity('host', host);
    return { host, ownership: createOwnership({ bucket: over, identity, trust: fleet.trust(), clock }) };
  };
});

const bucketOf = (replicas: number) => createMemoryHub().member().bucket(buckets.owners, { replicas });

const recordOf = async () => {
  const found = await (await at(alpha)).ownership.read(vm);
  return found && { owner: found.record.owner, epoch: found.record.epoch, running: found.record.running };
};

test('the first claim makes the record, with epoch 1', async () => {
  assert.equal(await claim(await at(alpha), vm, first, byOwner), 1);
  assert.deepEqual(await recordOf(), { owner: 'alpha', epoch: 1, running: true });
});

test('a claim that is made again by the same operation is the same claim', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  assert.equal(await claim(await at(alpha), vm, first, byOwner), 1);
});

test('a VM that runs is claimed by nobody', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  await assert.rejects(claim(await at(beta), vm, second, byAnyone), { code: 'OWNER_CONFLICT' });
  await assert.rejects(claim(await at(alpha), vm, second, byOwner), { code: 'OWNER_CONFLICT' });
});

test('a host that has no QEMU of its own VM claims it again, though it could not mark it as stopped', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  assert.equal(await claim(await at(alpha), vm, second, { ...byOwner, runsHere: false }), 2);
  await assert.rejects(claim(await at(beta), vm, third, byAnyone), { code: 'OWNER_CONFLICT' });
});

test('a stopped VM is claimed by its owner to start it, and by anyone to restore it', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  await markStopped(await at(alpha), vm, 1);
  await assert.rejects(claim(await at(beta), vm, second, byOwner), { code: 'VM_ELSEWHERE' });
  assert.equal(await claim(await at(beta), vm, second, byAnyone), 2);
  assert.deepEqual(await recordOf(), { owner: 'beta', epoch: 2, running: true });
});

test('of two hosts that claim at once, one wins', async () => {
  const claims = await Promise.allSettled([
    claim(await at(alpha), vm, first, byAnyone),
    claim(await at(beta), vm, second, byAnyone),
  ]);
  assert.deepEqual(claims.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('a handover moves the record from exactly the epoch that was handed over', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  const to = { epoch: 2, operation: second };
  await assert.rejects(moveHere(await at(beta), { vm, source: alpha, epoch: 4 }, { epoch: 5, operation: second }), {
    code: 'OWNER_CONFLICT',
  });
  await assert.rejects(moveHere(await at(beta), { vm, source: alpha, epoch: 1 }, { epoch: 3, operation: second }), {
    code: 'OWNER_CONFLICT',
  });
  await assert.rejects(moveHere(await at(beta), { vm, source: hostId('gamma'), epoch: 1 }, to), {
    code: 'OWNER_CONFLICT',
  });
  await moveHere(await at(beta), { vm, source: alpha, epoch: 1 }, to);
  assert.deepEqual(await recordOf(), { owner: 'beta', epoch: 2, running: true });
});

test('a move whose answer was lost is found done when it is made again', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  const lossy: Bucket = {
    ...bucket,
    async update(key, value, revision) {
      await bucket.update(key, value, revision);
      throw new BrokerError('BUS_CONFLICT');
    },
  };
  await moveHere(await at(beta, lossy), { vm, source: alpha, epoch: 1 }, { epoch: 2, operation: second });
  assert.deepEqual(await recordOf(), { owner: 'beta', epoch: 2, running: true });
});

test('a source takes back only what is still its own, once', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  const mine = { vm, epoch: 1, operation: second };
  assert.equal(await takeBack(await at(alpha), mine, undefined), 2);
  assert.equal(await takeBack(await at(alpha), mine, undefined), 2);
  assert.deepEqual(await recordOf(), { owner: 'alpha', epoch: 2, running: true });
  await assert.rejects(takeBack(await at(alpha), { ...mine, operation: third }, beta), { code: 'OWNER_CONFLICT' });
});

test('of a destination that moves the record and a source that takes it back, one wins', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  const race = await Promise.allSettled([
    moveHere(await at(beta), { vm, source: alpha, epoch: 1 }, { epoch: 2, operation: second }),
    takeBack(await at(alpha), { vm, epoch: 1, operation: second }, undefined),
  ]);
  assert.deepEqual(race.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('a host marks only its own VM as stopped', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  await markStopped(await at(beta), vm, 1);
  assert.equal((await recordOf())?.running, true);
  await markStopped(await at(alpha), vm, 1);
  assert.equal((await recordOf())?.running, false);
});

test('a VM that its destination claimed and then released is taken back in the next epoch, and not without the release', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  await moveHere(await at(beta), { vm, source: alpha, epoch: 1 }, { epoch: 2, operation: second });
  const mine = { vm, epoch: 1, operation: second };
  await assert.rejects(takeBack(await at(alpha), mine, undefined), { code: 'OWNER_CONFLICT' });
  await assert.rejects(takeBack(await at(alpha), { ...mine, operation: third }, beta), { code: 'OWNER_CONFLICT' });
  assert.equal(await takeBack(await at(alpha), mine, beta), 3);
  assert.deepEqual(await recordOf(), { owner: 'alpha', epoch: 3, running: true });
});

test('a record older than what a host knows is believed by nobody, and put back by whose journal proves more', async () => {
  bucket = await bucketOf(1);
  await claim(await at(alpha), vm, first, byOwner);
  // The bucket forgot that alpha gave the VM away in epoch 2.
  const gaveAway = { ...byAnyone, knownEpoch: 2 };
  await assert.rejects(claim(await at(alpha), vm, second, gaveAway), { code: 'OWNER_IN_DOUBT' });
  await putBack(await at(beta), { vm, epoch: 2, running: true, operation: third });
  assert.deepEqual(await recordOf(), { owner: 'beta', epoch: 2, running: true });
  await putBack(await at(alpha), { vm, epoch: 1, running: true, operation: first });
  assert.deepEqual(await recordOf(), { owner: 'beta', epoch: 2, running: true });
});

test('an owner starts its VM in a new epoch whatever the bucket forgot', async () => {
  bucket = await bucketOf(1);
  await claim(await at(alpha), vm, first, byOwner);
  const own = { by: 'owner', runsHere: false, ownEpoch: 4, knownEpoch: 4, intend } as const;
  assert.equal(await claim(await at(alpha), vm, second, own), 5);
});

test('a stopped VM of another host is not taken where the record does not decide alone', async () => {
  bucket = await bucketOf(1);
  await claim(await at(alpha), vm, first, byOwner);
  await markStopped(await at(alpha), vm, 1);
  await assert.rejects(claim(await at(beta), vm, second, byAnyone), { code: 'OWNER_IN_DOUBT' });
});

test('a handover moves a record that the bucket brought back older, and only where it may forget', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  const handedOver = [
    { vm, source: alpha, epoch: 4 },
    { epoch: 5, operation: second },
  ] as const;
  await assert.rejects(moveHere(await at(beta), ...handedOver), { code: 'OWNER_CONFLICT' });
  bucket = await bucketOf(1);
  await claim(await at(alpha), vm, first, byOwner);
  await moveHere(await at(beta), ...handedOver);
  assert.deepEqual(await recordOf(), { owner: 'beta', epoch: 5, running: true });
});

test('where one copy of the record is no proof, a stopped VM is claimed elsewhere on the word of its owner alone', async () => {
  bucket = await bucketOf(1);
  await claim(await at(alpha), vm, first, byOwner);
  await markStopped(await at(alpha), vm, 1);
  const claimant = { ...byAnyone, letGo: { owner: hostId('gamma'), epoch: 1 } };
  await assert.rejects(claim(await at(beta), vm, second, claimant), { code: 'OWNER_IN_DOUBT' });
  const older = { ...byAnyone, knownEpoch: 3, letGo: { owner: alpha, epoch: 1 } };
  await assert.rejects(claim(await at(beta), vm, second, older), { code: 'OWNER_IN_DOUBT' });
  const written: unknown[] = [];
  const onItsWord = {
    ...byAnyone,
    letGo: { owner: alpha, epoch: 1 },
    intend: async (epoch: number) => void written.push(epoch, (await recordOf())?.owner),
  };
  assert.equal(await claim(await at(beta), vm, second, onItsWord), 2);
  assert.deepEqual(written, [2, 'alpha'], 'what is intended is written down before the record is');
});
