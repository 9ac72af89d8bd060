import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, copyFileSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { VmProcess } from '../../../../../services/broker/runtime/ports.ts';
import type { QemuVmm } from '../../../../../services/broker/vmm/qemu/qemu.ts';
import { receive } from '../../../../../services/broker/vmstate/receive.ts';
import { counterLine, counterOffset } from '../../../../../services/cli/guest/init.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';
import type { ImageName } from '../../../../../shared/ids.ts';
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
  specOf,
} from '../../../../support/guest.ts';

const memoryMiB = 192;
const disk = 'disk.qcow2' as ImageName;
const fault = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;
const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

let lab: Lab;
let alpha: QemuVmm;
let source: VmProcess;
let said: Said;
let saved: { memory: string; devices: string; disk: string };
/** The count on the guest's disk at the moment of the checkpoint; in memory it is the same or one more. */
let frozen: number;

before(async () => {
  lab = await openLab();
  ({ host: alpha, guest: source, said } = await runLinux(lab, 'alpha'));
});
after(() => lab.end());

const path = (name: string) => join(lab.dir, name);
const newestAt = (host: QemuVmm) => lastSaid(host.consolePath(source.vm))?.count ?? 0;

/** Saves into files named after `name`, as the checkpoint store does. */
async function save(name: string, process = source): Promise<number> {
  saved = { memory: path(`${name}.memory`), devices: path(`${name}.devices`), disk: path(`${name}.disk`) };
  const memoryFd = openSync(saved.memory, 'w+');
  const devicesFd = openSync(saved.devices, 'w+');
  ftruncateSync(memoryFd, memoryMiB * 1024 * 1024);
  writeFileSync(saved.disk, '');
  const { machine, uuid } = specOf();
  const expected = {
    machine,
    uuid: Buffer.from(uuid.replaceAll('-', ''), 'hex'),
    memoryBytes: memoryMiB * 1024 * 1024,
  };
  const receiving = await receive({ socketPath: path(`${name}.sock`), memoryFd, devicesFd, expected });
  try {
    const { pauseMs } = await process.saveLive(path(`${name}.sock`), [{ image: disk, path: saved.disk }]);
    await receiving.received;
    return pauseMs;
  } finally {
    await receiving.cancel();
    closeSync(memoryFd);
    closeSync(devicesFd);
  }
}

/** Starts QEMU on the saved files; the disk is a copy, as one checkpoint is restored more than once here. */
async function restore(host: QemuVmm, devices = saved.devices): Promise<VmProcess> {
  copyFileSync(saved.disk, path('restored.qcow2'));
  const memoryFd = openSync(saved.memory, 'r+');
  const devicesFd = openSync(devices, 'r');
  try {
    return await lab.launch(host, { kind: 'restore', memoryFd, devicesFd }, {}, { [disk]: path('restored.qcow2') });
  } finally {
    closeSync(memoryFd);
    closeSync(devicesFd);
  }
}

test('a live checkpoint pauses the guest for a moment and the guest goes on', async () => {
  const statuses: string[] = [];
  const off = source.onEvent((event) => statuses.push(event.kind === 'migration' ? event.status : event.kind));
  const pauseMs = await save('one');
  off();
  assert.ok(pauseMs > 0);
  assert.ok(statuses.indexOf('resumed') < statuses.indexOf('completed'), 'it goes on before the memory is written');
  assert.equal(await source.state(), 'running');
  const next = await hears(alpha, newestAt(alpha));
  assert.equal(next.boot, said.boot);
});

test('the copied disk is a sound qcow2 as of the moment of the checkpoint', async () => {
  const { stdout } = await promisify(execFile)('qemu-img', ['check', '--output=json', '-f', 'qcow2', saved.disk]);
  assert.equal(JSON.parse(stdout)['check-errors'], 0);
  await promisify(execFile)('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', saved.disk, path('one.raw')]);
  const line = counterLine.exec(readFileSync(path('one.raw')).toString('latin1', counterOffset, counterOffset + 512));
  assert.equal(line?.[1], said.boot);
  frozen = Number(line?.[2]);
  assert.ok(frozen > 0 && frozen < newestAt(alpha));
});

test('a restored guest counts on, leaves the saved memory as it was, and is saved again', async () => {
  const beta = await lab.host('beta');
  const before = digestOf(saved.memory);
  const restored = await restore(beta);
  assert.equal(await restored.state(), 'incoming');
  const { loadMs } = await restored.load();
  assert.ok(loadMs > 0);
  assert.equal(await restored.state(), 'paused');
  await restored.run();
  const next = await hears(beta);
  assert.equal(next.boot, said.boot);
  assert.ok([frozen + 1, frozen + 2].includes(next.count), `${frozen} was saved, ${next.count} came next`);
  await hears(beta, next.count);
  assert.equal(digestOf(saved.memory), before);

  const first = saved;
  await save('again', restored);
  saved = first;
  assert.equal(await restored.state(), 'running');
  await hears(beta, newestAt(beta));
  await restored.quit();
});

test('device state that QEMU cannot load ends that QEMU, and says so', async () => {
  const gamma = await lab.host('gamma');
  const bytes = readFileSync(saved.devices);
  writeFileSync(path('cut.devices'), bytes.subarray(0, 4096));
  const restored = await restore(gamma, path('cut.devices'));
  await assert.rejects(restored.load(), fault('QEMU_FAILED'));
  await restored.quit();
  await assert.rejects(source.load(), fault('VM_STATE'));
});

test('a checkpoint nobody takes in fails, and the guest runs as if it had not been asked for', async () => {
  writeFileSync(path('none.disk'), '');
  const copies = [{ image: disk, path: path('none.disk') }];
  await assert.rejects(source.saveLive(path('none.sock'), copies), BrokerError);
  assert.equal(await source.state(), 'running');
  await hears(alpha, newestAt(alpha));
});

test('a receiver that goes away in the middle is told of, and the guest runs on', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.destroy())).listen(path('gone.sock'));
  await once(server, 'listening');
  const left = newestAt(alpha);
  await assert.rejects(source.saveLive(path('gone.sock'), []), fault('TRANSFER_FAILED'));
  server.close();
  assert.equal(await source.state(), 'running');
  await hears(alpha, left);
  assert.equal((await hears(alpha, newestAt(alpha))).boot, said.boot);
});

test('disks that the VM does not have, and guests that do not run, are not saved', async () => {
  const copies = [{ image: 'other.raw' as ImageName, path: path('none.disk') }];
  await assert.rejects(source.saveLive(path('none.sock'), copies), fault('IMAGE_UNKNOWN'));
  assert.equal(await source.state(), 'running');
  await source.pause();
  await assert.rejects(source.saveLive(path('none.sock'), []), fault('VM_STATE'));
  assert.equal(await source.state(), 'paused');
  await source.run();
});

test('after checkpoints, one of which failed, the next one and a migration still work', async () => {
  await save('two');
  const delta = await lab.host('delta');
  const key = newKey();
  const destination = await lab.launch(delta, { kind: 'incoming' });
  const { port } = await destination.listen('127.0.0.1', key);
  const ready = happens(source, migrationIs('pre-switchover'));
  const arrived = happens(destination, migrationIs('completed'));
  await source.send({ address: '127.0.0.1', port }, key, { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 });
  await ready;
  await source.switchOver();
  await arrived;
  await destination.run({ announce: true });
  assert.equal((await hears(delta, newestAt(alpha))).boot, said.boot);
});
