import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateDestinationKind } from '../../../../services/broker/effects/migrate-destination.ts';
import { emptyHeld, type World } from '../../../../services/broker/effects/world.ts';
import type { DestinationEffect, DestinationState } from '../../../../services/broker/migrate/destination-states.ts';
import type { Performing } from '../../../../services/broker/runtime/kind.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { silentLogger } from '../../../../shared/log/logger.ts';
import type { whoHasExchange } from '../../../../shared/messages/peer.ts';
import type { Shape } from '../../../../shared/schema/schema.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { checkpointIdOf, clientId, hostId, operationIdOf, vmId } from '../../../support/values.ts';

const vm = vmId('vm1');
const operation = operationIdOf(1);
const [alpha, beta, gamma] = [hostId('alpha'), hostId('beta'), hostId('gamma')];
const performing: Performing = {
  client: clientId('operator'),
  report() {},
  overtaken: () => false,
  wait: async () => {},
};

/** beta in such a state of a post-copy from alpha, whose VM it was in epoch 1. */
const stateOf = (state: DestinationState['state']) =>
  ({
    state,
    vm,
    operation,
    source: alpha,
    carnet: { epoch: 1, label: contexts.vm, spec: { images: [] }, images: [] },
    label: contexts.vm,
    epoch: 2,
    checkpoint: checkpointIdOf(1),
  }) as unknown as DestinationState;

const perform = (world: object, effect: DestinationEffect['effect'], state: DestinationState['state']) =>
  migrateDestinationKind({ host: beta, log: silentLogger, ...world } as unknown as World).perform(
    { effect },
    stateOf(state),
    performing,
  );

type Said = Shape<(typeof whoHasExchange)['answer']>;
const has = (why: 'operation' | 'journal' | 'qemu'): Said => ({ is: 'has', why });
const silent: Said = { is: 'failure', fault: { code: 'BUS_TIMEOUT', message: 'no answer' } };

test('a destination that waits for its handover is over only where its source says that it is, or another host has the VM', async () => {
  const looked = async (said: Said, owner = alpha, epoch = 1) => {
    const asked: unknown[] = [];
    const world = {
      ownership: { read: async () => ({ record: { vm, owner, epoch, running: true, operation }, revision: 1 }) },
      peers: {
        async whoHas(...ask: unknown[]) {
          asked.push(ask);
          return said;
        },
      },
    };
    const event = await perform(world, 'look-at-owner', 'awaiting-postcopy');
    return [event?.event, asked];
  };
  const ask = [[alpha, { vm, epoch: 1 }]];
  for (const said of [has('operation'), silent]) assert.deepEqual(await looked(said), [undefined, ask]);
  for (const said of [has('journal'), has('qemu'), { is: 'has-not', epoch: 1 } as const]) {
    assert.deepEqual(await looked(said), ['owner-lost', ask]);
  }
  assert.deepEqual(await looked(has('operation'), gamma, 2), ['owner-lost', []]);
});

test('half a guest is not begun with: one whose way to the source was cut before it ran is given back', async () => {
  for (const [status, event] of [
    ['postcopy-active', 'running-partly'],
    ['postcopy-paused', 'guest-lost'],
  ] as const) {
    const held = emptyHeld();
    held.untold.add(operation);
    const told: string[] = [];
    const process = {
      state: async () => 'paused',
      figures: async () => ({ status }),
      run: async () => told.push('run'),
    };
    const vms = { process: () => process, put: async () => told.push('put') };
    assert.equal((await perform({ held, vms }, 'run', 'running-guest'))?.event, event);
    assert.deepEqual(told, event === 'guest-lost' ? [] : ['run', 'put']);
  }
});

test('policy is asked about the run of a pulled guest by one attempt at a time', async () => {
  const held = emptyHeld();
  held.images.set(operation, { images: [], close() {} } as never);
  const answers = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()];
  let asked = 0;
  const world = {
    host: beta,
    held,
    identities: { contextOf: () => contexts.operator },
    gate: { decide: async () => answers[asked++]?.promise },
  } as unknown as World;
  const kind = migrateDestinationKind(world);
  const decide = () => kind.perform({ effect: 'decide-run' }, stateOf('deciding-postcopy-run'), performing);
  answers[1]?.resolve({ outcome: 'refused' });
  const first = decide();
  assert.equal(await decide(), undefined);
  assert.equal(asked, 1);
  answers[0]?.resolve({ outcome: 'allowed', label: contexts.vm });
  assert.equal((await first)?.event, 'still-allowed');
  assert.equal((await decide())?.event, 'refused');
});

test('a broker that was started again looks at the images again before it asks policy about a pulled guest', async () => {
  for (const late of [false, true]) {
    const held = emptyHeld();
    let closed = 0;
    const world = {
      host: beta,
      held,
      images: { open: async () => ({ images: [], close: () => closed++ }) },
      identities: { contextOf: () => contexts.operator },
      gate: { decide: () => assert.fail('policy was asked') },
    } as unknown as World;
    const state = stateOf('deciding-postcopy-run');
    const carnet = { ...state.carnet, images: [{ spec: { name: 'disk.raw' } }] };
    const decided = migrateDestinationKind(world).perform(
      { effect: 'decide-run' },
      { ...state, carnet } as unknown as DestinationState,
      { ...performing, overtaken: () => late },
    );
    await assert.rejects(decided, { code: 'IMAGE_MISMATCH' });
    // What an operation that has ended opens nobody closes for it.
    assert.deepEqual([closed, held.images.has(operation)], late ? [1, false] : [0, true]);
  }
});

test('a QEMU that fails is given back only by the broker that knows it was never told to run the guest', async () => {
  const fails = () => Promise.reject(new BrokerError('QEMU_FAILED'));
  const record = { vm, owner: beta, epoch: 2, running: true, operation };
  const ownership = { read: async () => ({ record, revision: 2 }) };
  for (const process of [{ state: fails }, { state: async () => 'paused', figures: async () => ({}), run: fails }]) {
    const vms = { process: () => process, put: () => assert.fail('it was taken for a guest that ran') };
    const held = emptyHeld();
    const ran = () => perform({ held, vms, ownership }, 'run', 'running-guest');
    await assert.rejects(ran(), { code: 'QEMU_FAILED' });
    held.untold.add(operation);
    assert.equal((await ran())?.event, 'guest-lost');
  }
});

test('a guest that another host was given meanwhile is not run by a broker that was started again, nor said to run', async () => {
  const record = { vm, owner: gamma, epoch: 3, running: true, operation };
  const paused = { state: async () => 'paused', run: () => assert.fail('it was run') };
  for (const process of [paused, undefined]) {
    const world = {
      held: emptyHeld(),
      vms: { process: () => process },
      ownership: { read: async () => ({ record, revision: 3 }) },
    };
    assert.equal((await perform(world, 'run', 'running-guest'))?.event, 'guest-lost');
  }
});
