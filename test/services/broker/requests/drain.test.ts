import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createDraining } from '../../../../services/broker/draining/draining.ts';
import type { ActionOf, Request } from '../../../../shared/messages/request.ts';
import { openStore } from '../../../../shared/store/store.ts';
import type { TestClient, TestHost } from '../../../support/broker/host.ts';
import { openOneBus } from '../../../support/broker/one-bus.ts';
import { loaded, shippedText, withoutStatement } from '../../../support/gate/shipped.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { clientId, hostId, specOf } from '../../../support/values.ts';

const directory = await mkdtemp(join(tmpdir(), 'carnet-drain-'));
const fleet = await createTestFleet();
const policy = loaded(await shippedText());
let alpha: TestHost;
let beta: TestHost;
let operator: TestClient;
let monitor: TestClient;

before(async () => {
  const { host, client } = openOneBus({ fleet, directory, policy });
  [alpha, beta] = await Promise.all([host('alpha'), host('beta')]);
  [operator, monitor] = await Promise.all([client('operator'), client('monitor')]);
});
afterEach(() => beta.world.draining.clear());
after(async () => {
  await Promise.all([alpha.close(), beta.close()]);
  await rm(directory, { recursive: true, force: true });
});

let names = 0;
async function defined(host: TestHost) {
  names += 1;
  const spec = specOf(`vm${names}`);
  assert.equal((await operator.ask(host.world.host, { verb: 'define', spec })).is, 'done');
  return spec.name;
}
const migrate = (vm: ActionOf<'migrate'>['vm']): ActionOf<'migrate'> => ({
  verb: 'migrate',
  vm,
  destination: hostId('beta'),
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
});
const drainBeta = async () => assert.equal((await operator.ask('beta', { verb: 'drain' })).is, 'done');
const codeOf = async (host: TestHost, request: Request) => {
  const { outcome } = await operator.finish(host, request);
  return outcome?.is === 'failed' ? outcome.fault.code : outcome?.is;
};

test('a host that is drained takes in no migration, starts nothing and restores nothing, until it is undrained', async () => {
  const [moving, there] = [await defined(alpha), await defined(beta)];
  assert.equal(await codeOf(alpha, { verb: 'start', vm: moving }), 'completed');
  assert.equal(await codeOf(beta, { verb: 'start', vm: there }), 'completed');
  const saved = await operator.finish(beta, { verb: 'save', vm: there });
  assert.ok(saved.outcome?.is === 'completed' && saved.outcome.checkpoint !== undefined);
  const { checkpoint } = saved.outcome;
  assert.equal((await operator.ask('beta', { verb: 'stop', vm: there, force: true })).is, 'done');
  await drainBeta();
  const calls = beta.vmm.calls.length;
  assert.equal(await codeOf(alpha, migrate(moving)), 'HOST_DRAINING');
  assert.equal(await codeOf(beta, { verb: 'start', vm: there }), 'HOST_DRAINING');
  assert.equal(await codeOf(beta, { verb: 'restore', checkpoint }), 'HOST_DRAINING');
  assert.deepEqual(beta.vmm.calls.slice(calls), []);
  assert.equal(alpha.vmm.processes.get(moving)?.running, true);
  for (const [host, action] of [
    ['alpha', migrate(moving)],
    ['beta', { verb: 'start', vm: there }],
    ['beta', { verb: 'restore', checkpoint }],
  ] as const) {
    const explained = await operator.ask(host, { verb: 'explain', action });
    assert.equal(explained.is === 'failed' && explained.fault.code, 'HOST_DRAINING', action.verb);
    assert.match((explained.is === 'failed' && explained.fault.message) || '', /is being drained for operator/);
  }
  assert.equal((await operator.ask('beta', { verb: 'undrain' })).is, 'done');
  assert.equal(await codeOf(beta, { verb: 'start', vm: there }), 'completed');
  assert.equal(await codeOf(alpha, migrate(moving)), 'completed');
});

test('what runs on a host that is drained runs on, and may leave it', async () => {
  const vm = await defined(alpha);
  assert.equal(await codeOf(alpha, { verb: 'start', vm }), 'completed');
  assert.equal((await operator.ask('alpha', { verb: 'drain' })).is, 'done');
  assert.equal(alpha.vmm.processes.get(vm)?.running, true);
  assert.equal(await codeOf(alpha, migrate(vm)), 'completed');
  assert.equal((await operator.ask('alpha', { verb: 'undrain' })).is, 'done');
});

test('policy decides who may drain a host, and who may take the mark away', async () => {
  assert.equal((await monitor.ask('beta', { verb: 'drain' })).is, 'refused');
  assert.equal(beta.world.draining.mark(), undefined);
  await drainBeta();
  const refused = await monitor.ask('beta', { verb: 'undrain' });
  assert.match((refused.is === 'refused' && refused.decision.questions[0]?.asked) || '', /:vmhost { drain }$/);
  assert.equal(beta.world.draining.mark()?.by, 'operator');
  beta.policy = loaded(withoutStatement(await shippedText(), 'allow carnet_operator_t carnet_t:vmhost drain;'));
  try {
    assert.equal((await operator.ask('beta', { verb: 'undrain' })).is, 'refused');
    const explained = await operator.ask('beta', { verb: 'explain', action: { verb: 'drain' } });
    assert.equal(explained.is === 'explained' && explained.decisions[0]?.outcome, 'refused');
  } finally {
    beta.policy = policy;
  }
  assert.equal(beta.world.draining.mark()?.by, 'operator');
});

test('the mark is on disk when it is answered, says for whom and since when, and is not renewed', async () => {
  const store = openStore(join(directory, 'mark'));
  const draining = createDraining(store);
  await draining.set({ by: clientId('operator'), sinceMs: 1 });
  await draining.set({ by: clientId('monitor'), sinceMs: 2 });
  await store.close();
  const again = openStore(join(directory, 'mark'));
  assert.deepEqual(createDraining(again).mark(), { by: 'operator', sinceMs: 1 });
  await createDraining(again).clear();
  assert.equal(createDraining(again).mark(), undefined);
  await again.close();
});

test('a host says that it is being drained, and how busy it is', async () => {
  await drainBeta();
  const answer = await monitor.ask('beta', { verb: 'host' });
  assert.ok(answer.is === 'host');
  assert.equal(answer.host.draining?.by, 'operator');
  assert.deepEqual(answer.host.migrations, { outbound: 0, outboundMax: 2, inbound: 0, inboundMax: 2, waiting: 0 });
});
