import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Controls } from '../../../../../services/broker/vmm/qemu/controls.ts';
import { startTimeOf } from '../../../../../services/broker/vmm/qemu/ended.ts';
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
    onEvent: () => () => {},
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

/** A QEMU that is told to run and ends without an answer, after it has said that its guest goes on, or before. */
function endingQemu(said: boolean) {
  const listeners = new Set<(event: { kind: string }) => void>();
  const controls = {
    host: { clock: { nowMs: () => 0, after: (_: number, callback: () => void) => setImmediate(callback) } },
    // No process has that id.
    record: { vm: 'vm1', pid: 2 ** 30, startTime: '1' },
    onEvent(callback: (event: { kind: string }) => void) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    async execute(command: string) {
      if (command === 'query-status') return { status: 'paused' };
      if (said) for (const listener of listeners) listener({ kind: 'resumed' });
      throw new BrokerError('QEMU_FAILED');
    },
  } as unknown as Controls;
  return processOf(controls);
}

test('a QEMU that ends as it is told to run its guest has not, unless it said before that the guest goes on', async () => {
  await assert.rejects(endingQemu(false).run({ announce: true }), { code: 'QEMU_FAILED' });
  await endingQemu(true).run({ announce: true });
});

/** A QEMU that answers an order to run its guest with a fault, and stays. */
function stayingQemu(code: 'QEMU_FAILED' | 'QEMU_REFUSED') {
  let nowMs = 0;
  const after = (_: number, callback: () => void) => {
    nowMs += 1_000;
    setImmediate(callback);
  };
  const controls = {
    host: { clock: { nowMs: () => nowMs, after } },
    record: { vm: 'vm1', pid: process.pid, startTime: startTimeOf(process.pid) },
    onEvent: () => () => {},
    async execute(command: string) {
      if (command === 'query-status') return { status: 'paused' };
      throw new BrokerError(code);
    },
  } as unknown as Controls;
  return processOf(controls);
}

test('a QEMU that closes its monitor as it is told to run its guest has not ended before its process is gone', async () => {
  await assert.rejects(stayingQemu('QEMU_FAILED').run(), { code: 'QEMU_TIMEOUT' });
  await assert.rejects(stayingQemu('QEMU_REFUSED').run(), { code: 'QEMU_REFUSED' });
});
