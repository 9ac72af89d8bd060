import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Host } from '../../../../../services/broker/vmm/qemu/host.ts';
import { findAccelerators, runsGuest } from '../../../../../services/broker/vmm/qemu/probe.ts';
import { firmwareOf } from '../../../../../services/broker/vmm/qemu/probe-image.ts';
import { systemClock } from '../../../../../shared/time/clock.ts';

let host: Host;
before(() => {
  const runDir = mkdtempSync(join(tmpdir(), 'carnet-probe-'));
  host = {
    binary: 'qemu-system-x86_64',
    qemuVersion: '7.2.0',
    runDir,
    logDir: runDir,
    confined: false,
    clock: systemClock,
  };
});
after(() => rm(host.runDir, { recursive: true }));

test('the probe guest reaches long mode, takes its interrupts and says so', async () => {
  assert.equal(await runsGuest(host, 'tcg', { limitMs: 30_000 }), true);
  assert.deepEqual(await readdir(host.runDir), []);
});

test('a guest that hangs is no proof, and its QEMU is ended', async () => {
  const hang = firmwareOf('eb fe');
  assert.equal(await runsGuest(host, 'tcg', { image: hang, limitMs: 500 }), false);
  assert.deepEqual(await readdir(host.runDir), []);
});

test('a guest that stops with another answer is no proof', async () => {
  // mov $0x10,%al; out %al,$0xf4
  assert.equal(await runsGuest(host, 'tcg', { image: firmwareOf('b010 e6f4'), limitMs: 30_000 }), false);
});

test('a QEMU that ends by itself is no proof', async () => {
  const limited = { ...host, binary: 'true' };
  assert.equal(await runsGuest(limited, 'tcg'), false);
  assert.equal(await runsGuest({ ...host, binary: '/nonexistent/qemu' }, 'tcg'), false);
});

test('a host without the device has no KVM, and always TCG', { skip: existsSync('/dev/kvm') }, async () => {
  assert.deepEqual(await findAccelerators({ ...host, binary: '/nonexistent/qemu' }), ['tcg']);
});
