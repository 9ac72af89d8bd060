import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateSourceKind } from '../../../../services/broker/effects/migrate-source.ts';
import { emptyHeld, type World } from '../../../../services/broker/effects/world.ts';
import type { SourceState } from '../../../../services/broker/migrate/source-states.ts';
import type { Performing } from '../../../../services/broker/runtime/kind.ts';
import type { VmEvent } from '../../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { OwnerRecord } from '../../../../shared/messages/record.ts';
import { clientId, hostId, operationIdOf, vmId } from '../../../support/values.ts';

const vm = vmId('vm1');
const [own, other] = [operationIdOf(1), operationIdOf(2)];
const [alpha, beta, gamma] = [hostId('alpha'), hostId('beta'), hostId('gamma')];
const performing: Performing = {
  client: clientId('operator'),
  report() {},
  overtaken: () => false,
  wait: async () => {},
};

type Claim = Pick<OwnerRecord, 'owner' | 'epoch' | 'operation'>;

/**
 * What comes of alpha's taking back a VM that it handed over to beta in epoch 3, against such a record, in a bucket where
 * somebody is faster: `before` is there until then.
 */
async function takenBack(record: Claim, released: boolean, more = {}, before = record) {
  let now = before;
  const world = {
    held: emptyHeld(),
    host: alpha,
    vms: { process: () => undefined, need: () => ({}), put: async () => {} },
    ownership: {
      decidesAlone: true,
      read: async () => ({ record: { vm, running: true, ...now }, revision: 5 }),
      write: () => {
        now = record;
        return Promise.reject(new BrokerError('OWNER_CONFLICT'));
      },
    },
  } as unknown as World;
  const state = { state: 'taking-back', vm, operation: own, destination: beta, carnet: { epoch: 3 } };
  const asked = { ...state, ...more, ...(released ? { released } : {}) } as unknown as SourceState;
  return (await migrateSourceKind(world).perform({ effect: 'take-back' }, asked, performing))?.event;
}

test('a VM that its destination released and somebody let another host take, in whichever newer epoch, is that host’s', async () => {
  for (const epoch of [4, 5, 1004]) {
    assert.equal(await takenBack({ owner: gamma, epoch, operation: other }, true), 'overruled');
    assert.equal(await takenBack({ owner: beta, epoch, operation: other }, true), 'overruled');
    assert.equal(await takenBack({ owner: gamma, epoch, operation: other }, false), 'owner-lost');
  }
});

test('a destination’s own claim, an older record and one of this host overrule nobody', async () => {
  assert.equal(await takenBack({ owner: beta, epoch: 4, operation: own }, true), 'owner-lost');
  assert.equal(await takenBack({ owner: gamma, epoch: 3, operation: other }, true), 'owner-lost');
  assert.equal(await takenBack({ owner: alpha, epoch: 3, operation: other }, true), 'owner-lost');
});

test('a conflict with what an earlier attempt has written is none, and the word of an operator is not forgotten over it', async () => {
  const fence = { host: beta, epoch: 1004 };
  for (const [epoch, more] of [
    [5, {}],
    [1004, { fence }],
  ] as const) {
    const handedOver = { owner: beta, epoch: 4, operation: own };
    assert.equal(await takenBack({ owner: alpha, epoch, operation: own }, true, more, handedOver), 'taken-back');
  }
});

test('a guest whose QEMU ends when it was let go is lost, and the checkpoint that is left is named', () => {
  const about = { vm, operation: own, destination: beta, checkpoint: 'cp-1', carnet: { host: alpha, epoch: 3 } };
  const exited = (state: string) =>
    migrateSourceKind({ held: emptyHeld() } as unknown as World).onVmEvent(
      { state, ...about } as unknown as SourceState,
      { kind: 'exited', detail: 'signal 9' } as VmEvent,
    );
  const letGo = exited('letting-go');
  assert.ok(letGo?.event === 'transfer-failed' && letGo.fault.code === 'MEMORY_LOST');
  assert.match(letGo.fault.hint ?? '', /carnet vm restore cp-1 --host alpha/);
  const sending = exited('switching-over');
  assert.ok(sending?.event === 'transfer-failed' && sending.fault.code === 'TRANSFER_FAILED');
});

test('a guest that was let go for good is never in doubt again, whoever was faster', async () => {
  const gone = { postcopy: { by: null }, dropsMemory: true };
  const taken = (more: object) => takenBack({ owner: beta, epoch: 4, operation: own }, true, more);
  await assert.rejects(taken(gone), { code: 'OWNER_CONFLICT' });
  assert.equal(await taken({ ...gone, dropsMemory: false }), 'owner-lost');
});

/** What alpha says in its handover of a guest that is pulled from a QEMU in such a state, and what it makes of a release. */
async function handedOver(qemu: { readonly status?: string; readonly silent?: boolean }) {
  const { status, silent = false } = qemu;
  const said: boolean[] = [];
  const world = {
    held: emptyHeld(),
    host: alpha,
    vms: {
      giveAway: async () => {},
      process: () => (status === undefined ? undefined : { figures: async () => ({ status }) }),
      silent: () => (silent ? {} : undefined),
    },
    peers: {
      async handover(_: string, { gone = false }: { gone?: boolean }) {
        said.push(gone);
        return { is: 'released' };
      },
    },
  } as unknown as World;
  const pulling = { state: 'pulling', vm, operation: own, destination: beta, carnet: { epoch: 1 }, grant: {} };
  const event = await migrateSourceKind(world).perform(
    { effect: 'send-handover' },
    pulling as unknown as SourceState,
    performing,
  );
  return [event?.event, ...said];
}

test('a source says that its QEMU is gone only when it is: from one that is merely silent the rest may still be pulled', async () => {
  assert.deepEqual(await handedOver({}), ['destination-released', true]);
  assert.deepEqual(await handedOver({ silent: true }), ['destination-released', false]);
});

test('a guest that was let go runs at its source again only when the last page of it was sent and it never ran there', async () => {
  assert.deepEqual(await handedOver({ status: 'completed' }), ['copy-released', false]);
  for (const status of ['postcopy-active', 'postcopy-paused', 'failed']) {
    assert.deepEqual(await handedOver({ status }), ['destination-released', false]);
  }
});
