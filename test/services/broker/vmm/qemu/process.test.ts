import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Controls } from '../../../../../services/broker/vmm/qemu/controls.ts';
import type { QemuEvent } from '../../../../../services/broker/vmm/qemu/events.ts';
import { processOf } from '../../../../../services/broker/vmm/qemu/process.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';
import { createManualClock } from '../../../../support/manual-clock.ts';

/** A QEMU that was about to switch over, and goes on when its migration has failed and the test says so. */
function fakeQemu(migration: string) {
  const told: string[] = [];
  const callbacks = new Set<(event: QemuEvent) => void>();
  let status = 'finish-migrate';
  const controls = {
    host: { clock: createManualClock() },
    record: { vm: 'vm1' },
    async execute(command: string) {
      if (command === 'query-status') return { status, running: status === 'running' };
      if (command === 'query-migrate') return { status: migration };
      told.push(command);
      return {};
    },
    onEvent(callback: (event: QemuEvent) => void) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  } as unknown as Controls;
  const goesOn = () => {
    status = 'running';
    for (const callback of [...callbacks]) callback({ kind: 'resumed', atMs: 0 });
  };
  return { told, goesOn, controls };
}

test('a guest whose migration has just failed is waited for: QEMU lets it go on by itself', async () => {
  const { told, goesOn, controls } = fakeQemu('failed');
  const run = processOf(controls).run();
  setImmediate(goesOn);
  await run;
  assert.deepEqual(told, []);
});

test('a guest whose migration goes on is not told to run', async () => {
  const { told, controls } = fakeQemu('pre-switchover');
  await assert.rejects(processOf(controls).run(), (error) => error instanceof BrokerError && error.code === 'VM_STATE');
  assert.deepEqual(told, []);
});
