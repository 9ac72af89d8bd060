import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createOneOffKey } from '../../../../services/broker/transport/transfer-keys.ts';
import { createMemoryHub } from '../../../../shared/bus/memory.ts';
import { newId, type OperationId } from '../../../../shared/ids.ts';
import { limits } from '../../../../shared/limits.ts';
import type { Endpoint } from '../../../../shared/messages/endpoint.ts';
import { createSeal } from '../../../../shared/messages/frame.ts';
import {
  handoverExchange,
  type Offer,
  offerExchange,
  releaseExchange,
  switchoverExchange,
  whoHasExchange,
} from '../../../../shared/messages/peer.ts';
import { buckets } from '../../../../shared/messages/record.ts';
import { sealRecord } from '../../../../shared/messages/record-seal.ts';
import type { Request } from '../../../../shared/messages/request.ts';
import { createWire } from '../../../support/broker/fake-vmm.ts';
import { createTestHost, type TestHost } from '../../../support/broker/host.ts';
import { wakefulClock as clock, createTestEndpoint } from '../../../support/bus.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { carnetFor, checkpointIdOf, hostId, vmId } from '../../../support/values.ts';

/*
 * alpha is no broker here but its certificate in wrong hands: it may say whatever it likes to beta, a real one. What beta
 * does then is what matters; what it answers is a courtesy.
 */

const directory = await mkdtemp(join(tmpdir(), 'carnet-hostile-'));
const hub = createMemoryHub(clock);
const fleet = await createTestFleet();
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
let beta: TestHost;
let alpha: Endpoint;
let gamma: Endpoint;

before(async () => {
  beta = await createTestHost({
    name: 'beta',
    fleet,
    hub,
    wire: createWire(),
    directory,
    policy: loaded(await shippedText()),
    migrations: { inboundMax: 64 },
  });
  const endpoint = (name: string) => createTestEndpoint(fleet, hub.member(), 'host', name, { clock });
  [alpha, gamma] = await Promise.all([endpoint('alpha'), endpoint('gamma')]);
});
after(async () => {
  await beta.close();
  await rm(directory, { recursive: true, force: true });
});

const toBeta = { role: 'host', name: 'beta' } as const;
const newOperation = () => newId('op', clock.nowMs(), random(10)) as OperationId;
let names = 0;

/** A request as a client signs it, for the broker of alpha. */
async function signed(
  client: string,
  body: Request,
  role: 'client' | 'host' = 'client',
  receiver = 'alpha',
  atMs = clock.nowMs(),
): Promise<Uint8Array> {
  const seal = createSeal({ identity: await fleet.identity(role, client), clock: createManualClock(atMs), random });
  return seal({ type: 'request', kind: 'ask', to: { role: 'host', name: receiver }, body }).bytes;
}

/** An offer beta would take: the record is alpha's, and the operator asked for it. */
async function goodOffer(): Promise<Offer> {
  names += 1;
  const vm = `vm${names}`;
  const owner = { vm: vmId(vm), owner: hostId('alpha'), epoch: 1, running: true, operation: newOperation() };
  const bucket = await hub.member().bucket(buckets.owners);
  await bucket.create(vm, sealRecord(await fleet.identity('host', 'alpha'), `owner/${vm}`, owner, clock.nowMs()));
  const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
  const carnet = carnetFor(vm);
  return {
    operation: newOperation(),
    carnet: {
      ...carnet,
      label: contexts.vm,
      images: carnet.images.map((image) => ({ ...image, label: contexts.disk })),
    },
    options,
    request: await signed('operator', { verb: 'migrate', vm: vmId(vm), destination: hostId('beta'), options }),
    transferKey: createOneOffKey().publicKey,
  };
}

const offered = async (offer: Offer, by = alpha) => (await by.ask(offerExchange, toBeta, offer)).answer;
const nothingStarted = () =>
  assert.deepEqual(
    beta.vmm.calls.filter((call) => !call.startsWith('quit')),
    [],
  );

async function granted() {
  const offer = await goodOffer();
  const answer = await offered(offer);
  assert.ok(answer.is === 'grant', JSON.stringify(answer));
  return { offer, grantId: answer.grantId, vm: offer.carnet.spec.name };
}

test('an offer is refused when the client did not ask for exactly this, and nothing is started', async () => {
  const ask = {
    verb: 'migrate',
    vm: vmId('x'),
    destination: hostId('beta'),
    options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  } as const;
  const wrong: [string, (offer: Offer) => Promise<Offer>, string][] = [
    ['for another VM', async (o) => ({ ...o, request: await signed('operator', ask) }), 'MESSAGE_FORGED'],
    [
      'for another host',
      async (o) => ({
        ...o,
        request: await signed('operator', { ...ask, vm: o.carnet.spec.name, destination: hostId('gamma') }),
      }),
      'MESSAGE_FORGED',
    ],
    ['with other options', async (o) => ({ ...o, options: { ...o.options, downtimeMsMax: 9_000 } }), 'MESSAGE_FORGED'],
    [
      'of another kind',
      async (o) => ({ ...o, request: await signed('operator', { verb: 'start', vm: o.carnet.spec.name }) }),
      'MESSAGE_FORGED',
    ],
    [
      'signed by a host',
      async (o) => ({ ...o, request: await signed('alpha', { ...ask, vm: o.carnet.spec.name }, 'host') }),
      'MESSAGE_FORGED',
    ],
    [
      'given to another host',
      async (o) => ({ ...o, request: await signed('operator', { ...ask, vm: o.carnet.spec.name }, 'client', 'gamma') }),
      'MESSAGE_MISDIRECTED',
    ],
    ['changed by one bit', async (o) => ({ ...o, request: flipped(o.request) }), 'MESSAGE_FORGED'],
    [
      'in the name of a third host',
      async (o) => ({ ...o, carnet: { ...o.carnet, host: hostId('gamma') } }),
      'MESSAGE_FORGED',
    ],
  ];
  for (const [what, change, code] of wrong) {
    const answer = await offered(await change(await goodOffer()));
    assert.equal(answer.is === 'failure' && answer.fault.code, code, what);
  }
  nothingStarted();
});

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = Math.floor(copy.length / 3);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

test('an offer of a VM that is not the sender’s by the owner record is refused, and nothing is started', async () => {
  const offer = await goodOffer();
  const wrongEpoch = await offered({ ...offer, carnet: { ...offer.carnet, epoch: 7 } });
  assert.equal(wrongEpoch.is === 'failure' && wrongEpoch.fault.code, 'OWNER_CONFLICT');
  nothingStarted();
});

test('a request of a client whom policy does not know that way is refused with the decision, and nothing is started', async () => {
  for (const client of ['monitor', 'intruder']) {
    const offer = await goodOffer();
    const { name: vm } = offer.carnet.spec;
    const request = await signed(client, { verb: 'migrate', vm, destination: hostId('beta'), options: offer.options });
    assert.equal((await offered({ ...offer, request })).is, 'refusal', client);
  }
  const offer = await goodOffer();
  const nobody = await signed('stranger', {
    verb: 'migrate',
    vm: offer.carnet.spec.name,
    destination: hostId('beta'),
    options: offer.options,
  });
  const answer = await offered({ ...offer, request: nobody });
  assert.equal(answer.is === 'failure' && answer.fault.code, 'IDENTITY_UNKNOWN');
  nothingStarted();
});

test('a request that was used for one migration is not taken for another', async () => {
  const { offer } = await granted();
  const calls = beta.vmm.calls.length;
  const again = await offered({ ...offer, operation: newOperation() });
  assert.equal(again.is === 'failure' && again.fault.code, 'MESSAGE_STALE');
  assert.equal(beta.vmm.calls.length, calls);
});

test('a request that waited is used once all the same, for as long as it may wait', async () => {
  const offer = await goodOffer();
  const { name: vm } = offer.carnet.spec;
  const long = 3_600_000;
  const patient = {
    verb: 'migrate',
    vm,
    destination: hostId('beta'),
    options: offer.options,
    queueMsMax: long,
  } as const;
  // Longer ago than a frame lives, and fresh for longer than one lives.
  const signedAtMs = clock.nowMs() - long / 2;
  const request = await signed('operator', patient, 'client', 'alpha', signedAtMs);
  const remembered: number[] = [];
  const { admit } = beta.seen;
  beta.seen.admit = (nonce, nowMs) => {
    if (nonce.sender === 'request/operator') remembered.push(nonce.untilMs);
    return admit(nonce, nowMs);
  };
  try {
    assert.equal((await offered({ ...offer, request })).is, 'grant');
    const again = await offered({ ...offer, request, operation: newOperation() });
    assert.equal(again.is === 'failure' && again.fault.code, 'MESSAGE_STALE');
  } finally {
    beta.seen.admit = admit;
  }
  const freshUntilMs = signedAtMs + limits.messageLifetimeMs + long + limits.clockSkewMs;
  assert.ok(remembered.every((untilMs) => untilMs > freshUntilMs));
  assert.equal(remembered.length, 2);
});

test('an offer that comes again gets the grant it got, and QEMU is started once', async () => {
  const { offer, grantId, vm } = await granted();
  const again = await offered(offer);
  assert.deepEqual(again.is === 'grant' && again.grantId, grantId);
  assert.equal(beta.vmm.calls.filter((call) => call === `launch incoming ${vm}`).length, 1);
});

test('only the source of a migration is heard about it, and only with its grant', async () => {
  const { offer, grantId, vm } = await granted();
  const { operation } = offer;
  const faults = await Promise.all([
    gamma.ask(switchoverExchange, toBeta, { operation, grantId }),
    gamma.ask(handoverExchange, toBeta, { operation, grantId, vm, epoch: 2 }),
    gamma.ask(releaseExchange, toBeta, { operation, vm, epoch: 2 }),
    alpha.ask(switchoverExchange, toBeta, { operation, grantId: random(16) }),
    alpha.ask(handoverExchange, toBeta, { operation, grantId: random(16), vm, epoch: 2 }),
    alpha.ask(handoverExchange, toBeta, { operation, grantId, vm, epoch: 3 }),
    alpha.ask(handoverExchange, toBeta, { operation, grantId, vm: vmId('other'), epoch: 2 }),
  ]);
  for (const { answer } of faults) assert.equal(answer.is === 'failure' && answer.fault.code, 'MESSAGE_FORGED');
  assert.equal(beta.runner.stateOf(operation)?.state, 'granted');
});

test('nobody but a host is told who has a VM', async () => {
  const { vm } = await granted();
  const ask = { vm, epoch: 1 };
  assert.deepEqual((await alpha.ask(whoHasExchange, toBeta, ask)).answer, { is: 'has', why: 'operation' });
  const client = await createTestEndpoint(fleet, hub.member(), 'client', 'operator', { clock });
  const { answer } = await client.ask(whoHasExchange, toBeta, ask);
  assert.equal(answer.is === 'failure' && answer.fault.code, 'MESSAGE_FORGED');
});

test('a source that pulls without having been granted that is not listened to', async () => {
  const { offer, grantId } = await granted();
  const { operation } = offer;
  const { answer } = await alpha.ask(switchoverExchange, toBeta, { operation, grantId, postcopy: true });
  assert.equal(answer.is === 'failure' && answer.fault.code, 'MESSAGE_FORGED');
  assert.equal(beta.runner.stateOf(operation)?.state, 'granted');
});

test('an offer of post-copy without a checkpoint, or without the client having asked for it, is refused, and nothing is started', async () => {
  const before = beta.vmm.calls.length;
  const [plain, other] = [await goodOffer(), await goodOffer()];
  const options = { ...other.options, allowPostcopy: true };
  const vm = other.carnet.spec.name;
  const request = await signed('operator', { verb: 'migrate', vm, destination: hostId('beta'), options });
  for (const offer of [
    { ...plain, checkpoint: checkpointIdOf(1) },
    { ...other, options, request },
  ]) {
    const answer = await offered(offer);
    assert.equal(answer.is === 'failure' && answer.fault.code, 'MESSAGE_FORGED');
  }
  assert.equal(beta.vmm.calls.length, before);
});

test('a handover before switchover moves nothing and runs nothing', async () => {
  const { offer, grantId, vm } = await granted();
  const handover = alpha.ask(handoverExchange, toBeta, { operation: offer.operation, grantId, vm, epoch: 2 });
  // It is not answered while nothing is decided; the source calls it off.
  const released = await alpha.ask(releaseExchange, toBeta, { operation: offer.operation, vm, epoch: 2 });
  assert.equal(released.answer.is, 'released');
  assert.equal((await handover).answer.is, 'released');
  assert.ok(!beta.vmm.calls.includes(`run ${vm}`));
  assert.equal((await beta.world.ownership.read(vm))?.record.owner, 'alpha');
});

test('a handover of a VM whose record moved meanwhile is lost, and nothing runs', async () => {
  const { offer, grantId, vm } = await granted();
  const { operation } = offer;
  assert.equal((await alpha.ask(switchoverExchange, toBeta, { operation, grantId })).answer.is, 'go');
  const bucket = await hub.member().bucket(buckets.owners);
  const entry = await bucket.get(vm);
  const elsewhere = { vm, owner: hostId('gamma'), epoch: 2, running: true, operation: newOperation() };
  await bucket.update(
    vm,
    sealRecord(await fleet.identity('host', 'gamma'), `owner/${vm}`, elsewhere, clock.nowMs()),
    entry?.revision ?? 0,
  );
  beta.vmm.processes.get(vm)?.emit({ kind: 'migration', status: 'completed', atMs: 0 });
  const { answer } = await alpha.ask(handoverExchange, toBeta, { operation, grantId, vm, epoch: 2 });
  assert.equal(answer.is === 'released' && answer.fault.code, 'OWNER_CONFLICT');
  assert.ok(!beta.vmm.calls.includes(`run ${vm}`));
  assert.equal(beta.vmm.processes.get(vm), undefined);
});

test('an owner record that was not written by the owner it names is not believed', async () => {
  const offer = await goodOffer();
  const { name: vm } = offer.carnet.spec;
  const bucket = await hub.member().bucket(buckets.owners);
  const entry = await bucket.get(vm);
  const forged = { vm, owner: hostId('alpha'), epoch: 1, running: true, operation: newOperation() };
  await bucket.update(
    vm,
    sealRecord(await fleet.identity('host', 'gamma'), `owner/${vm}`, forged, clock.nowMs()),
    entry?.revision ?? 0,
  );
  const answer = await offered(offer);
  assert.equal(answer.is === 'failure' && answer.fault.code, 'MESSAGE_FORGED');
});
