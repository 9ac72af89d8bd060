import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { VmProcess } from '../../../../../services/broker/runtime/ports.ts';
import type { QemuVmm } from '../../../../../services/broker/vmm/qemu/qemu.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';
import {
  happens,
  hears,
  type Lab,
  lastSaid,
  migrationIs,
  newKey,
  openLab,
  runLinux,
  type Said,
  saysMore,
} from '../../../../support/guest.ts';

/** So slow that post-copy lasts for as long as a test likes. */
const options = { bandwidthBytesPerSecond: 8 * 1024 * 1024, downtimeMsMax: 1, allowPostcopy: true };
const fault = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;

let lab: Lab;
let alpha: QemuVmm;
let beta: QemuVmm;
let source: VmProcess;
let destination: VmProcess;
let said: Said;

/** A guest at pre-switchover, post-copy started. */
beforeEach(async () => {
  lab = await openLab();
  ({ host: alpha, guest: source, said } = await runLinux(lab, 'alpha'));
  beta = await lab.host('beta');
  destination = await lab.launch(beta, { kind: 'incoming' });
  const key = newKey();
  const { port } = await destination.listen('127.0.0.1', key, { postcopy: true });
  await source.send({ address: '127.0.0.1', port }, key, options);
  const stands = happens(source, migrationIs('pre-switchover'));
  await source.startPostcopy();
  await stands;
});
afterEach(() => lab.end());

/** Goes on, and waits until the destination has everything but memory. */
async function begin(): Promise<void> {
  const began = happens(destination, migrationIs('postcopy-active'));
  await source.switchOver();
  await began;
  while ((await destination.state()) !== 'paused');
  while ((await source.figures()).postcopyBytes === 0);
}

test('a guest runs at the destination before its memory is there, counts on under its boot id, and is all there in the end', async () => {
  assert.equal(await source.state(), 'transferring');
  const last = lastSaid(alpha.consolePath(source.vm))?.count ?? 0;
  assert.equal((await source.figures()).postcopyBytes, 0);
  await begin();
  assert.equal((await source.figures()).status, 'postcopy-active');
  assert.equal((await destination.figures()).status, 'postcopy-active');
  await destination.run({ announce: true });
  const next = await hears(beta, last);
  assert.equal(next.boot, said.boot);
  assert.equal((await source.figures()).status, 'postcopy-active', 'it ran before it was all there');
  await source.switchOver();
  await source.startPostcopy();
  await assert.rejects(source.run(), fault('VM_STATE'));
  await assert.rejects(source.cancelSend(), fault('VM_STATE'));
  assert.equal((await source.figures()).status, 'postcopy-active', 'nothing was called off');

  // Brokers that come back meanwhile find it where it is.
  beta.release();
  alpha.release();
  alpha = await lab.host('alpha');
  beta = await lab.host('beta');
  const [back, there] = [await alpha.adopt(source.vm), await beta.adopt(source.vm)];
  assert.ok(back && there);
  const [sent, arrived] = [happens(back, migrationIs('completed')), happens(there, migrationIs('completed'))];
  await Promise.all([sent, arrived]);
  assert.equal(await there.state(), 'running');
  assert.equal(await back.state(), 'handed-over');
  const later = await hears(beta, next.count);
  assert.equal(later.boot, said.boot);
  await there.quit();
  await back.quit();
});

test('until it goes on it is called off, and the guest goes on at the source when it is told to', async () => {
  await source.cancelSend();
  assert.notEqual(await source.state(), 'running');
  await source.run();
  await saysMore(alpha, said);
});

test('a destination that dies before it goes on costs nothing', async () => {
  process.kill(destination.pid, 'SIGKILL');
  await happens(destination, (event) => event.kind === 'exited');
  const failed = happens(source, migrationIs('failed'));
  await source.switchOver();
  await failed;
  await source.run();
  await saysMore(alpha, said);
});

test('a destination that dies in post-copy takes the guest with it: the source cannot run it and cannot call it off', async () => {
  await begin();
  const paused = happens(source, migrationIs('postcopy-paused'));
  process.kill(destination.pid, 'SIGKILL');
  await paused;
  await assert.rejects(source.run(), fault('VM_STATE'));
  await assert.rejects(source.cancelSend(), fault('VM_STATE'));
  await source.quit();
});

test('a source that dies in post-copy is noticed at the destination, which can be ended', async () => {
  await begin();
  const paused = happens(destination, migrationIs('postcopy-paused'));
  process.kill(source.pid, 'SIGKILL');
  await paused;
  await destination.quit();
});
