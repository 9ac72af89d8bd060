import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Controls } from '../../../../../services/broker/vmm/qemu/controls.ts';
import { processOf } from '../../../../../services/broker/vmm/qemu/process.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';

/** A QEMU that says that its migration stands so, and comes out of `finish-migrate` after that many looks at it. */
function fakeQemu(migration: string, looks: number, then: string) {
  const told: string[] = [];
  const after = (_: number, callback: () => void) => {
    setImmediate(callback);
  };
  const controls = {
    host: { clock: { after } },
    record: { vm: 'vm1' },
    async execute(command: string) {
      if (command === 'query-migrate') return { status: migration };
      if (command !== 'query-status') return told.push(command);
      const status = looks-- > 0 ? 'finish-migrate' : then;
      return { status };
    },
  } as unknown as Controls;
  return { told, process: processOf(controls) };
}

const isVmState = (error: unknown) => error instanceof BrokerError && error.code === 'VM_STATE';

test('a guest whose migration has just failed is waited for: QEMU lets it go on by itself', async () => {
  const { told, process } = fakeQemu('failed', 3, 'running');
  await process.run();
  assert.deepEqual(told, []);
});

test('a guest whose migration has just completed is handed over, and can be told to run again', async () => {
  assert.equal(await fakeQemu('completed', 3, 'postmigrate').process.state(), 'handed-over');
  const { told, process } = fakeQemu('completed', 3, 'postmigrate');
  await process.run();
  assert.deepEqual(told, ['cont']);
});

test('a guest whose migration goes on is not told to run', async () => {
  const { told, process } = fakeQemu('pre-switchover', Number.POSITIVE_INFINITY, 'running');
  assert.equal(await process.state(), 'transferring');
  await assert.rejects(process.run(), isVmState);
  assert.deepEqual(told, []);
});

test('a QEMU that never acts on the end of its migration is waited for no longer than a while', async () => {
  const { told, process } = fakeQemu('completed', Number.POSITIVE_INFINITY, 'postmigrate');
  assert.equal(await process.state(), 'transferring');
  await assert.rejects(process.run(), isVmState);
  assert.deepEqual(told, []);
});
