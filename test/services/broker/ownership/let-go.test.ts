import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { World } from '../../../../services/broker/effects/world.ts';
import { askToLetGo, letGo } from '../../../../services/broker/ownership/let-go.ts';
import type { Runner } from '../../../../services/broker/runtime/runner.ts';
import type { VmEntry } from '../../../../services/broker/vms/vms.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { hostId, labelOf, specOf, vmId } from '../../../support/values.ts';

const vm = vmId('web');
const [alpha, beta, gamma] = [hostId('alpha'), hostId('beta'), hostId('gamma')];
const runner = { hold: () => () => {} } as unknown as Runner;

/** Alpha, which has the VM stopped in epoch 3. */
function owner() {
  let entry: VmEntry = {
    spec: specOf('web'),
    label: labelOf('u:r:vm_t:s0'),
    epoch: 3,
    accelerator: null,
    mapped: null,
  };
  const vms = {
    need: () => entry,
    process: () => undefined,
    async put(next: VmEntry) {
      entry = next;
    },
  };
  return { world: { vms, host: alpha } as unknown as World, promisedTo: () => entry.promisedTo };
}

/** Beta, which reads a record and asks whom it names. */
const asker = (record: object, decidesAlone: boolean, answer: () => Promise<unknown>) =>
  ({
    host: beta,
    ownership: { decidesAlone, read: async () => ({ record, revision: 1 }) },
    peers: { letGo: answer },
  }) as unknown as World;
const stoppedAtAlpha = { owner: alpha, epoch: 3, running: false };
const nobody = () => assert.fail('nobody is asked');

test('a VM that was let go to one host is let go to no other, and to that one as often as it asks', async () => {
  const { world, promisedTo } = owner();
  assert.equal(await letGo(world, runner, vm, beta), 3);
  assert.equal(promisedTo(), beta);
  assert.equal(await letGo(world, runner, vm, beta), 3);
  await assert.rejects(letGo(world, runner, vm, gamma), { code: 'OWNER_IN_DOUBT' });
  assert.equal(promisedTo(), beta);
});

test('an owner that does not answer leaves it in doubt, and says no in its own words', async () => {
  const away = asker(stoppedAtAlpha, false, () => Promise.reject(new BrokerError('BUS_NO_RESPONDER')));
  await assert.rejects(askToLetGo(away, vm), { code: 'OWNER_IN_DOUBT' });
  const fault = { code: 'OWNER_CONFLICT', message: 'it runs' } as const;
  const refusing = asker(stoppedAtAlpha, false, async () => ({ is: 'failure', fault }));
  await assert.rejects(askToLetGo(refusing, vm), { code: 'OWNER_CONFLICT' });
});

test('an owner is asked only where its word is needed', async () => {
  assert.equal(await askToLetGo(asker(stoppedAtAlpha, true, nobody), vm), undefined);
  assert.equal(await askToLetGo(asker({ ...stoppedAtAlpha, owner: beta }, false, nobody), vm), undefined);
  assert.equal(await askToLetGo(asker({ ...stoppedAtAlpha, running: true }, false, nobody), vm), undefined);
  const asked = asker(stoppedAtAlpha, false, async () => ({ is: 'let-go', epoch: 3 }));
  assert.deepEqual(await askToLetGo(asked, vm), { owner: alpha, epoch: 3 });
});
