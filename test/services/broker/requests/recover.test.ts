import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Answer } from '../../../../shared/messages/request.ts';
import type { TestClient, TestHost } from '../../../support/broker/host.ts';
import { openOneBus } from '../../../support/broker/one-bus.ts';
import { ownerOf, runSaved } from '../../../support/broker/saved-vm.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { hostId, vmId } from '../../../support/values.ts';

const directory = await mkdtemp(join(tmpdir(), 'carnet-recover-'));
after(() => rm(directory, { recursive: true, force: true }));
const fleet = await createTestFleet();
const policy = loaded(await shippedText());
const vm = vmId('web');
const [alphaId, betaId] = [hostId('alpha'), hostId('beta')];
let rounds = 0;
let alpha: TestHost;
let beta: TestHost;
let operator: TestClient;
let bus: ReturnType<typeof openOneBus>;

beforeEach(async () => {
  rounds += 1;
  bus = openOneBus({ fleet, directory: join(directory, String(rounds)), policy });
  [alpha, beta, operator] = await Promise.all([bus.host('alpha'), bus.host('beta'), bus.client('operator')]);
});
afterEach(() => Promise.all([alpha.close(), beta.close()]));

/** A VM that runs on alpha, and a checkpoint of it on beta. */
const running = () => runSaved(operator, { host: alpha, other: beta, vm });

const recordOf = (host: TestHost) => ownerOf(host, vm);
const recovered = (answer: Answer) => {
  assert.ok(answer.is === 'recovery', JSON.stringify(answer));
  return answer;
};

test('without the word nothing is done, and what would be done and what it risks is told', async () => {
  await running();
  const answer = recovered(await operator.ask('beta', { verb: 'recover', vm }));
  assert.equal(answer.done, false);
  assert.deepEqual([answer.recovery.fenced, answer.recovery.about], ['alpha', 'owner']);
  assert.match(answer.recovery.risks.join(), /two guests write to one disk/);
  assert.deepEqual(await recordOf(beta), ['alpha', 1, true]);
  assert.equal(beta.world.vms.get(vm), undefined);
});

test('a word about another host than the one that has the VM, or of one whom policy does not know that way, does nothing', async () => {
  await running();
  const other = await operator.ask('beta', { verb: 'recover', vm, fenced: hostId('gamma') });
  assert.equal(other.is === 'failed' && other.fault.code, 'OWNER_CONFLICT');
  assert.ok(!beta.decisions.some(({ action }) => action === 'recover'), 'no decision stands on such a word');
  const monitor = await bus.client('monitor');
  const refused = await monitor.ask('beta', { verb: 'recover', vm, fenced: alphaId });
  assert.ok(refused.is === 'refused');
  const asked = refused.decision.questions.filter(({ allowed }) => !allowed).map((question) => question.asked);
  assert.match(asked.join(), /:vm \{ recover \}$/);
  assert.deepEqual(await recordOf(beta), ['alpha', 1, true]);
  assert.equal(beta.world.vms.get(vm), undefined);
});

test('the decision stands with the word and the epoch before anything is changed', async () => {
  await running();
  const { gate } = beta.world;
  const { decide } = gate;
  let told: unknown;
  gate.decide = async (ask, moment, about) => {
    const decision = await decide(ask, moment, about);
    if (ask.action === 'recover') told = [about, await recordOf(beta), beta.world.vms.get(vm)];
    return decision;
  };
  const { recovery } = recovered(await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId }));
  const { epoch } = recovery;
  assert.deepEqual(told, [
    { vm, by: 'operator', fence: { host: 'alpha', also: [], heard: [], epoch } },
    ['alpha', 1, true],
    undefined,
  ]);
  assert.deepEqual(await recordOf(beta), ['beta', epoch, false]);
});

test('a VM whose host is fenced is restored where its checkpoint is, and the host that comes back forgets it', async () => {
  const checkpoint = await running();
  await alpha.close();
  const { recovery, done } = recovered(await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId }));
  assert.equal(done, true);
  const { fence, epoch } = beta.world.vms.need(vm);
  assert.deepEqual(
    [fence?.host, fence?.by, fence?.epoch, epoch],
    ['alpha', 'operator', recovery.epoch, recovery.epoch],
  );
  const restored = await operator.finish(beta, { verb: 'restore', checkpoint });
  assert.deepEqual(restored.outcome, { is: 'completed', checkpoint, label: contexts.vm });
  assert.deepEqual(await recordOf(beta), ['beta', recovery.epoch + 1, true]);

  alpha = await bus.host('alpha');
  const { vms } = alpha.world;
  const forgotten = Promise.withResolvers<void>();
  const { remove } = vms;
  vms.remove = (name) => remove(name).then(forgotten.resolve);
  if (vms.get(vm) !== undefined) await forgotten.promise;
  assert.equal(vms.get(vm), undefined);
  assert.equal(alpha.vmm.calls.length, 0);
  assert.deepEqual(await recordOf(beta), ['beta', recovery.epoch + 1, true]);
});

test('a host that was fenced though it lives pauses its guest when it sees the newer epoch, and does not resume it', async () => {
  await running();
  const process = alpha.vmm.processes.get(vm);
  assert.ok(process !== undefined);
  const paused = Promise.withResolvers<void>();
  const { pause } = process;
  process.pause = () => pause().then(paused.resolve);
  recovered(await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId }));
  await paused.promise;
  assert.equal(process.running, false);
  const answer = await operator.ask('alpha', { verb: 'resume', vm });
  assert.equal(answer.is === 'failed' && ['OWNER_CONFLICT', 'VM_BUSY'].includes(answer.fault.code), true);
  assert.equal(process.running, false);
});

/** A migration to beta that was handed over, and whose answer never comes. */
async function inDoubt(betaMoves: boolean) {
  await running();
  const { peers } = alpha.world;
  Object.assign(peers, {
    handover: async (...ask: Parameters<typeof peers.handover>) => {
      if (betaMoves) {
        const record = (await beta.world.ownership.read(vm)) ?? assert.fail();
        const moved = { ...record.record, owner: betaId, epoch: 2, operation: ask[1].operation };
        await beta.world.ownership.write(moved, record.revision);
      }
      throw new BrokerError('BUS_TIMEOUT');
    },
    release: () => Promise.reject(new BrokerError('BUS_NO_RESPONDER')),
  });
  const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
  const begun = await operator.ask('alpha', { verb: 'migrate', vm, destination: betaId, options });
  assert.ok(begun.is === 'accepted');
  const { operation } = begun;
  await alpha.runner.settled(operation, ({ state }) => (state === 'in-doubt' ? true : undefined), 20_000);
  return operation;
}
const ended = (operation: Parameters<TestHost['runner']['view']>[0]) =>
  alpha.runner.settled(operation, ({ state }) => (state === 'unmoved' ? true : undefined), 20_000);

test('a source in doubt says so, and with the word goes on from its memory in an epoch that the destination does not know', async () => {
  const operation = await inDoubt(false);
  const shown = await operator.ask('alpha', { verb: 'show', vm });
  assert.ok(shown.is === 'vm');
  assert.deepEqual([shown.vm.state, shown.vm.waits?.for, shown.vm.waits?.peer], ['in-doubt', 'in-doubt', 'beta']);
  const { recovery } = recovered(await operator.ask('alpha', { verb: 'recover', vm, fenced: betaId }));
  assert.deepEqual([recovery.about, recovery.memory], ['handover', 'keep']);
  await ended(operation);
  assert.equal(alpha.vmm.processes.get(vm)?.running, true);
  assert.deepEqual(await recordOf(alpha), ['alpha', recovery.epoch, true]);
  assert.equal(alpha.world.vms.need(vm).fence?.host, 'beta');
});

test('policy is asked again with the word, and whom it does not let recover by then gets nothing', async () => {
  await running();
  const { gate } = beta.world;
  const { decide } = gate;
  gate.decide = async (ask, moment, about) => {
    const decision = await decide(ask, moment, about);
    return about.fence === undefined ? decision : { ...decision, outcome: 'refused' };
  };
  const answer = await operator.ask('beta', { verb: 'recover', vm, fenced: alphaId });
  assert.equal(answer.is, 'refused');
  assert.deepEqual(await recordOf(beta), ['alpha', 1, true]);
  assert.equal(beta.world.vms.get(vm), undefined);
});

test('a source in doubt takes no word about another host than its destination', async () => {
  const operation = await inDoubt(false);
  const other = await operator.ask('alpha', { verb: 'recover', vm, fenced: hostId('gamma') });
  assert.equal(other.is === 'failed' && other.fault.code, 'OWNER_CONFLICT');
  assert.equal(alpha.runner.stateOf(operation)?.state, 'in-doubt');
  assert.equal(alpha.vmm.processes.get(vm)?.running, false);
  assert.deepEqual(await recordOf(alpha), ['alpha', 1, true]);
});

test('a source in doubt about a destination that had the VM gives its own memory up, and has a stopped VM', async () => {
  const operation = await inDoubt(true);
  const { recovery } = recovered(await operator.ask('alpha', { verb: 'recover', vm, fenced: betaId }));
  assert.equal(recovery.memory, 'drop');
  await ended(operation);
  assert.equal(alpha.vmm.processes.get(vm), undefined);
  assert.deepEqual(await recordOf(alpha), ['alpha', recovery.epoch, false]);
  assert.equal((await operator.finish(alpha, { verb: 'start', vm })).outcome?.is, 'completed');
  assert.deepEqual(await recordOf(alpha), ['alpha', recovery.epoch + 1, true]);
});
