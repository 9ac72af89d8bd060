import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { migrateSourceKind } from '../../../../services/broker/effects/migrate-source.ts';
import type { Wait } from '../../../../services/broker/migrate/source-states.ts';
import type { HostName, OperationId, VmName } from '../../../../shared/ids.ts';
import type { ActionOf } from '../../../../shared/messages/request.ts';
import type { OperationView } from '../../../../shared/messages/view.ts';
import type { TestClient, TestHost } from '../../../support/broker/host.ts';
import { openOneBus } from '../../../support/broker/one-bus.ts';
import { wakefulClock } from '../../../support/bus.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText, withoutStatement } from '../../../support/gate/shipped.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { carnetFor, hostId, operationIdOf, specOf } from '../../../support/values.ts';

/* alpha sends one VM at once, beta takes one in; a migration is held where it stands, so that others have to wait. */

const directory = await mkdtemp(join(tmpdir(), 'carnet-queue-'));
const fleet = await createTestFleet();
const policy = loaded(await shippedText());
let made = 0;
let alpha: TestHost;
let beta: TestHost;
let gamma: TestHost;
let operator: TestClient;
const open: { close(): Promise<void> }[] = [];

async function makeFleet(outboundMax: number, queueMax = 10) {
  made += 1;
  const { host, client } = openOneBus({ fleet, directory: join(directory, String(made)), policy });
  alpha = await host('alpha', { outboundMax, queueMax });
  beta = await host('beta', { inboundMax: 1 });
  gamma = await host('gamma');
  open.push(alpha, beta, gamma);
  operator = await client('operator');
}

before(() => makeFleet(1));
beforeEach(() => {
  held.clear();
});
after(async () => {
  await Promise.all(open.map((one) => one.close()));
  await rm(directory, { recursive: true, force: true });
});

/** Migrations that are held before their first byte, until they are let go. */
const held = new Map<string, PromiseWithResolvers<void>>();

function hold(vm: VmName): () => void {
  const let_ = Promise.withResolvers<void>();
  held.set(vm, let_);
  const { decide } = alpha.world.gate;
  alpha.world.gate.decide = async (ask, moment, about) => {
    if (moment === 'first-byte') await held.get(about.vm ?? '')?.promise;
    return decide(ask, moment, about);
  };
  return () => {
    alpha.world.gate.decide = decide;
    let_.resolve();
  };
}

let names = 0;
async function started(): Promise<VmName> {
  names += 1;
  const spec = specOf(`vm${names}`);
  assert.equal((await operator.ask('alpha', { verb: 'define', spec })).is, 'done');
  assert.equal((await operator.finish(alpha, { verb: 'start', vm: spec.name })).outcome?.is, 'completed');
  return spec.name;
}

const migrate = (vm: VmName, destination: HostName, more: Partial<ActionOf<'migrate'>> = {}) =>
  ({
    verb: 'migrate',
    vm,
    destination,
    options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
    ...more,
  }) as const;
const toBeta = hostId('beta');
const toGamma = hostId('gamma');

async function begun(action: ActionOf<'migrate'>): Promise<OperationId> {
  const answer = await operator.ask('alpha', action);
  assert.ok(answer.is === 'accepted', JSON.stringify(answer));
  return answer.operation;
}
const reaches = (operation: OperationId, wanted: string) =>
  alpha.runner.settled(operation, ({ state }) => (state === wanted ? true : undefined), 20_000);
const ended = (operation: OperationId): Promise<OperationView> =>
  alpha.runner.settled(
    operation,
    () => {
      const view = alpha.runner.view(operation);
      return view?.endedAtMs == null ? undefined : view;
    },
    20_000,
  );
async function shown(operation: OperationId): Promise<OperationView> {
  const answer = await operator.ask('alpha', { verb: 'operation', operation });
  assert.ok(answer.is === 'operation');
  return answer.operation;
}

test('a host that sends as many VMs as it may lets the next one wait, says so, and gives it its turn', async () => {
  const [first, second, third] = [await started(), await started(), await started()];
  const letGo = hold(first);
  const one = await begun(migrate(first, toGamma));
  await reaches(one, 'confirming');
  const two = await begun(migrate(second, toGamma));
  const urgent = await begun(migrate(third, toGamma, { priority: 9 }));
  await Promise.all([reaches(two, 'queued'), reaches(urgent, 'queued')]);
  const { queue, peer, state } = await shown(two);
  assert.deepEqual([state, peer], ['queued', 'gamma']);
  assert.deepEqual(queue, { position: 2, length: 2, priority: 5, waitsFor: 'turn', sinceMs: queue?.sinceMs });
  const listed = await operator.ask('alpha', { verb: 'operations' });
  assert.equal(listed.is === 'operations' && listed.operations.find((o) => o.operation === urgent)?.queue?.position, 1);
  assert.equal(
    gamma.vmm.calls.some((call) => call.endsWith(second)),
    false,
  );
  letGo();
  const views = await Promise.all([one, two, urgent].map(ended));
  assert.deepEqual(
    views.map(({ outcome }) => outcome?.is),
    ['completed', 'completed', 'completed'],
  );
  const arrived = gamma.vmm.calls.filter((call) => call.startsWith('launch')).map((call) => call.split(' ').at(-1));
  assert.deepEqual(arrived, [first, third, second]);
  assert.equal((await shown(two)).queue, undefined);
});

test('a migration that waits is cancelled, and everything is where it was', async () => {
  const [first, second] = [await started(), await started()];
  const letGo = hold(first);
  const one = await begun(migrate(first, toGamma));
  await reaches(one, 'confirming');
  const two = await begun(migrate(second, toGamma));
  await reaches(two, 'queued');
  const before = await alpha.world.ownership.read(second);
  assert.deepEqual(await operator.ask('alpha', { verb: 'cancel', operation: two }), { is: 'done' });
  assert.deepEqual((await ended(two)).outcome, { is: 'cancelled' });
  assert.equal(alpha.vmm.processes.get(second)?.running, true);
  assert.deepEqual(await alpha.world.ownership.read(second), before);
  assert.equal(gamma.runner.stateOf(two), undefined);
  letGo();
  await ended(one);
});

test('one whose turn does not come in the time its client gave it ends, and its guest never noticed', async () => {
  const [first, second] = [await started(), await started()];
  const letGo = hold(first);
  const one = await begun(migrate(first, toGamma));
  await reaches(one, 'confirming');
  const { outcome } = await ended(await begun(migrate(second, toGamma, { queueMsMax: 1 })));
  assert.equal(outcome?.is === 'failed' && outcome.fault.code, 'OPERATION_TIMEOUT');
  assert.match((outcome?.is === 'failed' && outcome.fault.hint) || '', /--queue-timeout/);
  assert.equal(alpha.vmm.processes.get(second)?.running, true);
  letGo();
  await ended(one);
});

test('one whose QEMU ends while it waits ends too', async () => {
  const [first, second] = [await started(), await started()];
  const letGo = hold(first);
  const one = await begun(migrate(first, toGamma));
  await reaches(one, 'confirming');
  const two = await begun(migrate(second, toGamma));
  await reaches(two, 'queued');
  alpha.vmm.processes.get(second)?.emit({ kind: 'exited', detail: 'killed' });
  const { outcome } = await ended(two);
  assert.equal(outcome?.is === 'failed' && outcome.fault.code, 'VM_STATE');
  letGo();
  await ended(one);
});

test('a destination that takes in as many as it may says so before anything is started, and others go first', async () => {
  await makeFleet(2);
  const [first, second, third] = [await started(), await started(), await started()];
  const letGo = hold(first);
  const one = await begun(migrate(first, toBeta));
  await reaches(one, 'confirming');
  const two = await begun(migrate(second, toBeta));
  await alpha.runner.settled(
    two,
    (state) => ((state as unknown as { wait?: Wait }).wait?.busy === undefined ? undefined : true),
    20_000,
  );
  assert.equal(beta.runner.stateOf(two), undefined);
  assert.deepEqual(
    beta.vmm.calls.filter((call) => call.endsWith(second)),
    [],
  );
  await reaches(two, 'queued');
  assert.equal((await shown(two)).queue?.waitsFor, 'destination');
  assert.equal((await operator.finish(alpha, migrate(third, toGamma))).outcome?.is, 'completed');
  assert.equal(alpha.runner.view(two)?.endedAtMs, null);
  letGo();
  assert.equal((await ended(one)).outcome?.is, 'completed');
  assert.equal((await ended(two)).outcome?.is, 'completed');
  assert.equal(beta.vmm.processes.get(second)?.running, true);
});

test('a queue that is full takes no more, and says so', async () => {
  await makeFleet(1, 1);
  const [first, second, third] = [await started(), await started(), await started()];
  const letGo = hold(first);
  const one = await begun(migrate(first, toGamma));
  await reaches(one, 'confirming');
  const two = await begun(migrate(second, toGamma));
  const answer = await operator.ask('alpha', migrate(third, toGamma));
  assert.equal(answer.is === 'failed' && answer.fault.code, 'QUEUE_FULL');
  assert.equal(alpha.runner.activeOf(third), undefined);
  letGo();
  await Promise.all([ended(one), ended(two)]);
});

test('what was allowed before a long wait is decided again before another host hears of it', async () => {
  const vm = await started();
  const offered: unknown[] = [];
  const peers = { ...alpha.world.peers, offer: async (...offer: unknown[]) => offered.push(offer) as never };
  const kind = migrateSourceKind({ ...alpha.world, peers });
  const offering = {
    state: 'offering',
    operation: operationIdOf(1),
    vm,
    destination: toBeta,
    options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
    priority: 5,
    queueMsMax: 60_000,
    drain: false,
    request: new Uint8Array(),
    carnet: { ...carnetFor(vm), label: contexts.vm },
    wait: { sinceMs: wakefulClock.nowMs() - 60_000 },
  } as const;
  alpha.policy = loaded(withoutStatement(await shippedText(), 'allow carnet_operator_t vm_domain:vm migrate_out;'));
  try {
    const performing = {
      client: 'operator' as never,
      report() {},
      wait: async () => {},
      overtaken: () => false,
      again: false,
    };
    const event = await kind.perform({ effect: 'send-offer' }, offering, performing);
    assert.equal(event?.event, 'refused');
    assert.deepEqual(offered, []);
  } finally {
    alpha.policy = policy;
  }
});
