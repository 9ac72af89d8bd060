import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import type { Bucket } from '../../../../shared/bus/bus.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { buckets } from '../../../../shared/messages/record.ts';
import type { TestClient, TestHost } from '../../../support/broker/host.ts';
import { openOneBus } from '../../../support/broker/one-bus.ts';
import { ownerOf, runSaved } from '../../../support/broker/saved-vm.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { hostId, vmId } from '../../../support/values.ts';

const directory = await mkdtemp(join(tmpdir(), 'carnet-recover-others-'));
after(() => rm(directory, { recursive: true, force: true }));
const fleet = await createTestFleet();
const policy = loaded(await shippedText());
const vm = vmId('web');
const [alphaId, betaId, gammaId] = [hostId('alpha'), hostId('beta'), hostId('gamma')];
let rounds = 0;
let alpha: TestHost;
let beta: TestHost;
let gamma: TestHost;
let operator: TestClient;
let owners: Bucket;

beforeEach(async () => {
  rounds += 1;
  const bus = openOneBus({ fleet, directory: join(directory, String(rounds)), policy });
  [alpha, beta, gamma] = await Promise.all([bus.host('alpha'), bus.host('beta'), bus.host('gamma')]);
  const all = [alphaId, betaId, gammaId];
  for (const host of [alpha, beta, gamma]) host.others = all.filter((name) => name !== host.world.host);
  operator = await bus.client('operator');
  owners = await bus.hub.member().bucket(buckets.owners);
});
afterEach(() => Promise.all([alpha.close(), beta.close(), gamma.close()]));

const recordOf = () => ownerOf(beta, vm);

/** A VM of alpha's of which beta has a checkpoint; gamma has nothing of it. */
const ofAlpha = () => runSaved(operator, { host: alpha, other: beta, vm });

/** It moves to gamma, the bucket forgets that, and gamma cannot say so until the answer is called. */
async function forgottenAtGamma(): Promise<() => void> {
  await ofAlpha();
  const older = (await owners.get(vm)) ?? assert.fail();
  const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
  const moved = await operator.finish(alpha, { verb: 'migrate', vm, destination: gammaId, options });
  assert.equal(moved.outcome?.is, 'completed');
  const { ownership } = gamma.world;
  const { write } = ownership;
  Object.assign(ownership, { write: () => Promise.reject(new BrokerError('BUS_TIMEOUT')) });
  const newer = (await owners.get(vm)) ?? assert.fail();
  await owners.update(vm, older.value, newer.revision);
  await alpha.close();
  return () => void Object.assign(ownership, { write });
}

test('a VM that another host runs although the bucket has forgotten it is recovered by nobody, and that host puts its record back', async () => {
  const heals = await forgottenAtGamma();
  assert.deepEqual(await recordOf(), ['alpha', 1, true]);
  for (const word of [{}, { fenced: alphaId }, { fenced: alphaId, alsoFenced: [gammaId] }]) {
    const answer = await operator.ask('beta', { verb: 'recover', vm, ...word });
    assert.ok(answer.is === 'failed', JSON.stringify(answer));
    assert.equal(answer.fault.code, 'OWNER_CONFLICT');
    assert.match(answer.fault.message, /^gamma has a QEMU of web/);
  }
  assert.deepEqual(await recordOf(), ['alpha', 1, true]);
  assert.equal(beta.world.vms.get(vm), undefined);
  assert.equal(gamma.vmm.processes.get(vm)?.running, true);

  const back = Promise.withResolvers<void>();
  const stop = await owners.watch(() => void recordOf().then(([owner]) => owner === 'gamma' && back.resolve()));
  heals();
  assert.equal((await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId })).is, 'failed');
  await back.promise;
  await stop();
  assert.deepEqual(await recordOf(), ['gamma', 2, true]);
});

test('a host that does not answer has to come back, or to be off as well by the same word', async () => {
  await ofAlpha();
  await Promise.all([alpha.close(), gamma.close()]);
  const told = await operator.ask('beta', { verb: 'recover', vm });
  assert.ok(told.is === 'recovery');
  assert.deepEqual([told.recovery.heard, told.recovery.silent], [[], ['gamma']]);
  for (const word of [{ fenced: alphaId }, { fenced: alphaId, alsoFenced: [alphaId] }]) {
    const answer = await operator.ask('beta', { verb: 'recover', vm, ...word });
    assert.ok(answer.is === 'failed');
    assert.equal(answer.fault.code, 'OWNER_IN_DOUBT');
    assert.match(answer.fault.message, /^gamma did not say/);
    assert.match(answer.fault.hint ?? '', /--also-fenced gamma$/);
    assert.deepEqual(await recordOf(), ['alpha', 1, true]);
  }
  const done = await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId, alsoFenced: [gammaId] });
  assert.ok(done.is === 'recovery' && done.done);
  assert.deepEqual(beta.world.vms.need(vm).fence?.also, ['gamma']);
  assert.deepEqual(await recordOf(), ['beta', done.recovery.epoch, false]);
});

test('a VM is taken over in a newer epoch than any that another host remembers', async () => {
  await ofAlpha();
  await alpha.close();
  await gamma.world.vms.giveAway(vm, 10_000_000);
  const done = await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId });
  assert.ok(done.is === 'recovery' && done.done);
  assert.deepEqual([done.recovery.heard, done.recovery.silent], [['gamma'], []]);
  assert.ok(done.recovery.epoch > 10_000_000);
  assert.deepEqual(await recordOf(), ['beta', done.recovery.epoch, false]);
});

test('a host that works on the VM has it', async () => {
  await ofAlpha();
  await alpha.close();
  const release = gamma.runner.hold(vm);
  const answer = await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId });
  release();
  assert.ok(answer.is === 'failed');
  assert.match(answer.fault.message, /^gamma is at work on web/);
  assert.equal(beta.world.vms.get(vm), undefined);
});

test('of two hosts that recover a VM at once no more than one gets it', async () => {
  await ofAlpha();
  await alpha.close();
  for (const [checkpoint, manifest] of beta.checkpoints.kept) gamma.checkpoints.kept.set(checkpoint, manifest);
  const answers = await Promise.all(
    ['beta', 'gamma'].map((host) => operator.ask(host, { verb: 'recover', vm, fenced: alphaId })),
  );
  assert.ok(answers.filter((answer) => answer.is === 'recovery').length <= 1, JSON.stringify(answers));
  assert.ok([beta, gamma].filter(({ world }) => world.vms.get(vm) !== undefined).length <= 1);
});

test('whom policy does not let recover makes this host ask nobody', async () => {
  await ofAlpha();
  let asked = 0;
  Object.assign(beta.world.peers, { whoHas: async () => ({ is: 'has-not', epoch: asked++ }) });
  const gate = beta.world.gate;
  const { decide } = gate;
  gate.decide = async (ask, moment, about) => ({ ...(await decide(ask, moment, about)), outcome: 'refused' });
  assert.equal((await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId })).is, 'refused');
  assert.equal(asked, 0);
});
