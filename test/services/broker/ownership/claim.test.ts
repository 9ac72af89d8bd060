import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { claim, markStopped, moveHere, takeBack } from '../../../../services/broker/ownership/claim.ts';
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
const byOwner = { by: 'owner', runsHere: true } as const;
const byAnyone = { by: 'anyone', runsHere: false } as const;
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
  bucket = await createMemoryHub().member().bucket(buckets.owners);
  at = async (host, over = bucket) => {
    const identity = await fleet.identity('host', host);
    return { host, ownership: createOwnership({ bucket: over, identity, trust: fleet.trust(), clock }) };
  };
});

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
  assert.equal(await claim(await at(alpha), vm, second, { by: 'owner', runsHere: false }), 2);
  await assert.rejects(claim(await at(beta), vm, third, byAnyone), { code: 'OWNER_CONFLICT' });
});

test('a stopped VM is claimed by its owner to start it, and by anyone to restore it', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  await markStopped(await at(alpha), vm);
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
  assert.equal(await takeBack(await at(alpha), vm, 1, second), 2);
  assert.equal(await takeBack(await at(alpha), vm, 1, second), 2);
  assert.deepEqual(await recordOf(), { owner: 'alpha', epoch: 2, running: true });
  await assert.rejects(takeBack(await at(alpha), vm, 1, third), { code: 'OWNER_CONFLICT' });
});

test('of a destination that moves the record and a source that takes it back, one wins', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  const race = await Promise.allSettled([
    moveHere(await at(beta), { vm, source: alpha, epoch: 1 }, { epoch: 2, operation: second }),
    takeBack(await at(alpha), vm, 1, second),
  ]);
  assert.deepEqual(race.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('a host marks only its own VM as stopped', async () => {
  await claim(await at(alpha), vm, first, byOwner);
  await markStopped(await at(beta), vm);
  assert.equal((await recordOf())?.running, true);
  await markStopped(await at(alpha), vm);
  assert.equal((await recordOf())?.running, false);
});
