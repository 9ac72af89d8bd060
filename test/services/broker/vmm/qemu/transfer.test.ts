import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { TransferKey, VmProcess } from '../../../../../services/broker/runtime/ports.ts';
import { cutConnections } from '../../../../../services/broker/vmm/qemu/address.ts';
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

const unlimited = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
/** So slow that the transfer is under way for as long as a test likes. */
const slow = { bandwidthBytesPerSecond: 64 * 1024, downtimeMsMax: 1 };
const fault = (code: string, words?: RegExp) => (error: unknown) =>
  error instanceof BrokerError && error.code === code && (words?.test(error.message) ?? true);

let lab: Lab;
let alpha: QemuVmm;
let beta: QemuVmm;
let source: VmProcess;
let said: Said;
let received: VmProcess[] = [];

before(async () => {
  lab = await openLab();
  ({ host: alpha, guest: source, said } = await runLinux(lab, 'alpha'));
  beta = await lab.host('beta');
});
afterEach(async () => {
  for (const process of received) await process.quit();
  received = [];
});
after(() => lab.end());

/** The guest at the source says something new, under the same boot id. */
async function guestGoesOn(): Promise<void> {
  assert.equal(await source.state(), 'running');
  await saysMore(alpha, said);
}
const keyFiles = (host: string) =>
  readdirSync(join(lab.dir, host, 'run'), { recursive: true }).filter((name) => String(name).includes('psk'));

async function destination(key: TransferKey, fields = {}): Promise<{ process: VmProcess; port: number }> {
  const process = await lab.launch(beta, { kind: 'incoming' }, fields);
  received.push(process);
  const { port } = await process.listen('127.0.0.1', key);
  return { process, port };
}

/** The transfer failed or got as far as pre-switchover. */
const outcomeOfSend = () => {
  const fits = [migrationIs('failed'), migrationIs('pre-switchover')];
  return happens(source, (event) => fits.some((fit) => fit(event)));
};

/** Sends up to pre-switchover. */
async function sendTo(port: number, key: TransferKey): Promise<void> {
  const ready = happens(source, migrationIs('pre-switchover'));
  await source.send({ address: '127.0.0.1', port }, key, unlimited);
  await ready;
}

test('a source with another key gets nowhere, and its guest runs on', async () => {
  const { process, port } = await destination(newKey());
  const outcome = outcomeOfSend();
  await source.send({ address: '127.0.0.1', port }, newKey(), unlimited);
  await outcome;
  const { status, transferredBytes, error } = await source.figures();
  assert.equal(status, 'failed');
  assert.equal(transferredBytes, 0);
  assert.ok(error);
  assert.equal(await process.state(), 'incoming');
  await guestGoesOn();
  assert.deepEqual(keyFiles('alpha'), []);
});

test('a peer that speaks plain migration is not listened to', async () => {
  const { process, port } = await destination(newKey());
  const socket = createConnection({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(Buffer.from('5145564d00000003070000000a70632d7133352d372e32', 'hex'));
  await closed;
  assert.equal(await process.state(), 'incoming');
  assert.equal((await process.figures()).transferredBytes, 0);
});

test('a destination that is another VM is noticed, and the guest runs on', async () => {
  const key = newKey();
  const { port } = await destination(key, { uuid: '00000000-0000-4000-8000-000000000000' });
  const outcome = outcomeOfSend();
  await source.send({ address: '127.0.0.1', port }, key, unlimited);
  await outcome;
  assert.equal((await source.figures()).status, 'failed');
  await guestGoesOn();
});

test('a transfer is given up while memory is sent, and again, and the guest does not pause', async () => {
  const key = newKey();
  const { port } = await destination(key);
  const active = happens(source, migrationIs('active'));
  await source.send({ address: '127.0.0.1', port }, key, slow);
  await active;
  const off = source.onEvent((event) => assert.notEqual(event.kind, 'stopped'));
  await source.cancelSend();
  await source.cancelSend();
  off();
  assert.equal((await source.figures()).status, 'cancelled');
  await guestGoesOn();
});

test('a transfer is given up at pre-switchover, and the guest goes on', async () => {
  const key = newKey();
  const { port } = await destination(key);
  await sendTo(port, key);
  assert.equal(await source.state(), 'transferring');
  await assert.rejects(source.run(), fault('VM_STATE'));
  await source.cancelSend();
  await guestGoesOn();
});

test('a destination that dies before switchover costs nothing: the guest goes on', async () => {
  const key = newKey();
  const { process, port } = await destination(key);
  await sendTo(port, key);
  global.process.kill(process.pid, 'SIGKILL');
  await happens(process, (event) => event.kind === 'exited');
  const failed = happens(source, migrationIs('failed'));
  await source.switchOver();
  await failed;
  await source.run();
  await guestGoesOn();
});

/** Whether connections can be cut here: see `cutConnections`. */
async function canCut(): Promise<boolean> {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = createConnection(port, '127.0.0.1').on('error', () => {});
  await once(connection, 'connect');
  await cutConnections({ address: '127.0.0.1', port });
  const cut = await new Promise<boolean>((resolve) => connection.write('?', (error) => resolve(error != null)));
  connection.destroy();
  server.close();
  return cut;
}

test('a destination that takes the connection and says nothing is given up, and the guest goes on', async (t) => {
  const taken: Socket[] = [];
  const server = createServer((socket) => taken.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await assert.rejects(source.send({ address: '127.0.0.1', port }, newKey(), unlimited), fault('QEMU_TIMEOUT'));
    assert.equal(taken.length, 1);
    if (await canCut()) await guestGoesOn();
    else t.diagnostic('connections cannot be cut here: the guest goes on when the destination ends its own');
  } finally {
    for (const socket of taken) socket.destroy();
    server.close();
  }
  await guestGoesOn();
  assert.deepEqual(keyFiles('alpha'), []);
});

test('addresses that are none, and keys that are none, reach no QEMU', async () => {
  const options = { address: '127.0.0.1,exec=x', port: 1 };
  await assert.rejects(source.send(options, newKey(), unlimited), fault('TRANSFER_FAILED'));
  await assert.rejects(source.listen('127.0.0.1:5;x', newKey()), fault('TRANSFER_FAILED'));
  const forged = { identity: 'a:00\nb', key: randomBytes(32) };
  await assert.rejects(source.send({ address: '127.0.0.1', port: 1 }, forged, unlimited), fault('INTERNAL'));
});

test('brokers that come back in the middle of a transfer find it where it is', async () => {
  const key = newKey();
  const { process, port } = await destination(key);
  beta.release();
  beta = await lab.host('beta');
  const back = await beta.adopt(process.vm);
  assert.equal(keyFiles('beta').length > 0, true, 'the source has not come yet');
  await sendTo(port, key);
  assert.deepEqual(keyFiles('beta'), []);
  assert.equal(back?.pid, process.pid);

  alpha.release();
  alpha = await lab.host('alpha');
  const adopted = await alpha.adopt(source.vm);
  assert.ok(adopted);
  source = adopted;
  assert.equal(await source.state(), 'transferring');
  assert.equal((await source.figures()).status, 'pre-switchover');
  await source.cancelSend();
  await guestGoesOn();
});

test('a source whose state arrived can still run again, and then the destination cannot', async () => {
  const key = newKey();
  const { process, port } = await destination(key);
  await sendTo(port, key);
  const arrived = happens(process, migrationIs('completed'));
  const completed = happens(source, migrationIs('completed'));
  await source.switchOver();
  await Promise.all([arrived, completed]);
  await source.run();
  await guestGoesOn();
  await assert.rejects(process.run(), fault('QEMU_REFUSED', /lock/));
});

test('a guest that is forced is paused, arrives at pre-switchover at once, and goes on when it is told that it failed', async () => {
  const key = newKey();
  const { port } = await destination(key);
  const ready = happens(source, migrationIs('pre-switchover'));
  await source.send({ address: '127.0.0.1', port }, key, { ...slow, autoConverge: true });
  assert.equal(await source.state(), 'running');
  await source.forceSend();
  await source.forceSend();
  await ready;
  await source.forceSend();
  assert.equal(await source.state(), 'transferring');
  const { passes, dirtyBytesPerSecond, remainingBytes, totalBytes } = await source.figures();
  assert.ok(passes >= 1 && dirtyBytesPerSecond >= 0 && remainingBytes < totalBytes);
  await source.cancelSend();
  assert.notEqual(await source.state(), 'running');
  await source.run();
  await guestGoesOn();
  await assert.rejects(source.forceSend(), fault('VM_STATE'));
  await guestGoesOn();
});

test('a transfer that is forced and then called off before it is through leaves the guest to be run', async () => {
  const key = newKey();
  const { port } = await destination(key);
  const stopped = happens(source, ({ kind }) => kind === 'stopped');
  await source.send({ address: '127.0.0.1', port }, key, slow);
  await Promise.all([stopped, source.forceSend()]);
  await source.cancelSend();
  await source.run();
  await guestGoesOn();
});

test('the guest arrives and counts on; the source cannot run it again, nor give up what is complete', async () => {
  const key = newKey();
  const { process, port } = await destination(key);
  assert.equal(keyFiles('beta').length > 0, true, 'GnuTLS reads the key when the source comes');
  await sendTo(port, key);
  assert.deepEqual([keyFiles('alpha'), keyFiles('beta')], [[], []]);
  const before = await source.figures();
  assert.equal(before.totalBytes > 192 * 1024 * 1024 && before.transferredBytes > 0, true);

  const arrived = happens(process, migrationIs('completed'));
  const completed = happens(source, migrationIs('completed'));
  await source.switchOver();
  await Promise.all([arrived, completed]);
  assert.equal(await source.state(), 'handed-over');
  assert.equal(await process.state(), 'paused');
  assert.equal(typeof (await source.figures()).downtimeMs, 'number');
  await assert.rejects(source.cancelSend(), fault('VM_STATE'));

  const left = lastSaid(alpha.consolePath(source.vm));
  await process.run({ announce: true });
  const next = await hears(beta, left?.count);
  assert.equal(next.boot, said.boot);
  assert.equal(next.count, (left?.count ?? 0) + 1);
  await assert.rejects(source.run(), fault('QEMU_REFUSED', /lock/));
  await source.quit();
  assert.equal(await process.state(), 'running');
});
