import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateDestinationKind } from '../../../../services/broker/effects/migrate-destination.ts';
import { emptyHeld, type World } from '../../../../services/broker/effects/world.ts';
import type { DestinationState } from '../../../../services/broker/migrate/destination-states.ts';
import type { Performing } from '../../../../services/broker/runtime/kind.ts';
import { clientId, hostId, operationIdOf, vmId } from '../../../support/values.ts';

const vm = vmId('vm1');
const operation = operationIdOf(1);
const claiming = {
  state: 'claiming',
  vm,
  operation,
  source: hostId('alpha'),
  carnet: { epoch: 1 },
  epoch: 2,
} as unknown as DestinationState;

test('an attempt to move the record that ends after another one was faster does not say that the guest was never told to run', async () => {
  for (const late of [false, true]) {
    const held = emptyHeld();
    const process = { state: async () => 'paused' };
    // The other attempt has moved it already.
    const record = { vm, owner: hostId('beta'), epoch: 2, running: true, operation };
    const world = {
      held,
      host: hostId('beta'),
      vms: { process: () => process },
      ownership: { decidesAlone: false, read: async () => ({ record, revision: 2 }) },
    } as unknown as World;
    const performing: Performing = {
      client: clientId('operator'),
      report() {},
      overtaken: () => late,
      wait: async () => {},
    };
    const event = await migrateDestinationKind(world).perform({ effect: 'move-owner' }, claiming, performing);
    assert.deepEqual([event?.event, held.untold.has(operation)], late ? [undefined, false] : ['owner-moved', true]);
  }
});
