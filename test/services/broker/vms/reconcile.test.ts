import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { World } from '../../../../services/broker/effects/world.ts';
import type { Runner } from '../../../../services/broker/runtime/runner.ts';
import { keepOwners } from '../../../../services/broker/vms/reconcile.ts';
import type { VmEntry } from '../../../../services/broker/vms/vms.ts';
import { silentLogger } from '../../../../shared/log/logger.ts';
import type { OwnerRecord } from '../../../../shared/messages/record.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { clientId, hostId, labelOf, operationIdOf, specOf, vmId } from '../../../support/values.ts';

const vm = vmId('web');
const [alpha, beta] = [hostId('alpha'), hostId('beta')];

test('a record that changes while it is looked at is looked at once more', async () => {
  let entry: VmEntry | undefined = {
    spec: specOf('web'),
    label: labelOf('u:r:vm_t:s0'),
    epoch: 2,
    accelerator: null,
    mapped: null,
  };
  const operation = operationIdOf(1);
  let record: OwnerRecord = { vm, owner: alpha, epoch: 2, running: false, operation };
  let onChange: (vm: OwnerRecord['vm']) => void = () => {};
  const forgotten = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  let reads = 0;
  const world = {
    host: alpha,
    log: silentLogger,
    clock: createManualClock(),
    random: (bytes: number) => new Uint8Array(bytes),
    vms: {
      get: () => entry,
      need: () => entry,
      list: () => [],
      process: () => undefined,
      giveAway: async () => {},
      async remove() {
        entry = undefined;
        forgotten.resolve();
      },
    },
    ownership: {
      async read() {
        const found = { record, revision: 1 };
        reads += 1;
        if (reads === 1) await read.promise;
        return found;
      },
      async watch(callback: typeof onChange) {
        onChange = callback;
        return () => {};
      },
    },
  } as unknown as World;
  const runner = { activeOf: () => undefined, hold: () => () => {} } as unknown as Runner;
  const keeper = await keepOwners(world, runner);
  onChange(vm);
  // The first look has read what is history by now.
  record = { ...record, owner: beta, epoch: 3 };
  onChange(vm);
  read.resolve();
  await forgotten.promise;
  assert.equal(entry, undefined);
  keeper.stop();
});

test('what was taken over on a word in the epoch of which the record names another host is forgotten', async () => {
  const fence = { host: hostId('gamma'), epoch: 2, by: clientId('operator'), atMs: 1 };
  const entry = {
    spec: specOf('web'),
    label: labelOf('u:r:vm_t:s0'),
    epoch: 2,
    accelerator: null,
    mapped: null,
    fence,
  };
  const record: OwnerRecord = { vm, owner: beta, epoch: 2, running: false, operation: operationIdOf(1) };
  const held: string[] = [];
  // One that was taken over and has been started since is in a later epoch than the word.
  for (const kept of [entry, { ...entry, fence: { ...fence, epoch: 1 } }]) {
    const world = {
      host: alpha,
      log: silentLogger,
      clock: createManualClock(),
      vms: {
        get: () => kept,
        need: () => kept,
        list: () => [],
        process: () => undefined,
        giveAway: async () => {},
        remove: async () => void held.push(`removed ${kept.fence.epoch}`),
      },
      ownership: {
        read: async () => ({ record, revision: 1 }),
        watch: async () => () => {},
      },
    } as unknown as World;
    const runner = { activeOf: () => undefined, hold: () => () => {} } as unknown as Runner;
    const keeper = await keepOwners(world, runner);
    keeper.look(vm);
    await new Promise((resolve) => setImmediate(resolve));
    keeper.stop();
  }
  assert.deepEqual(held, ['removed 2']);
});
