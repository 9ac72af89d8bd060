import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { startTimeOf } from '../../../../../services/broker/vmm/qemu/ended.ts';
import type { QemuVmm } from '../../../../../services/broker/vmm/qemu/qemu.ts';
import { createQemu } from '../../../../../services/broker/vmm/qemu/qemu.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';
import { type Clock, systemClock } from '../../../../../shared/time/clock.ts';
import { happens, type Lab, openLab, processesBelow } from '../../../../support/guest.ts';

let lab: Lab;
let host: QemuVmm;
before(async () => {
  lab = await openLab({ bare: true });
  host = await lab.host('alpha');
});
after(() => lab.end());

const fault = (code: string, words?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BrokerError, String(error));
  assert.equal(error.code, code, error.message);
  if (words !== undefined) assert.match(error.message, words);
  return true;
};
const runDir = () => join(lab.dir, 'alpha', 'run');

test('a QEMU comes up paused, runs, pauses, runs again and ends without a trace', async () => {
  const process = await lab.launch(host);
  assert.equal(await process.state(), 'paused');
  assert.equal(
    readFileSync(`/proc/${process.pid}/stat`, 'utf8').split(' ')[5],
    String(process.pid),
    'a session of its own',
  );
  await process.run();
  await process.run({ announce: true });
  assert.equal(await process.state(), 'running');
  await process.pause();
  await process.pause();
  assert.equal(await process.state(), 'paused');
  await process.run();
  assert.equal(await process.state(), 'running');
  await process.quit();
  assert.equal(startTimeOf(process.pid), undefined);
  assert.deepEqual(await readdir(runDir()), []);
  await process.quit();
});

test('a QEMU that is killed before it acts on an order to run says so by its end', async () => {
  const qemu = await lab.launch(host);
  process.kill(qemu.pid, 'SIGSTOP');
  const ordered = assert.rejects(qemu.run(), fault('QEMU_FAILED'));
  process.kill(qemu.pid, 'SIGKILL');
  await ordered;
  await qemu.quit();
});

test('nobody but the broker may look into what is private', async () => {
  const process = await lab.launch(host);
  for (const path of [runDir(), join(runDir(), 'vm1'), join(lab.dir, 'alpha', 'log')]) {
    assert.equal(statSync(path).mode & 0o777, 0o700, path);
  }
  assert.equal(statSync(host.consolePath('vm1' as never)).mode & 0o777, 0o600);
  await process.quit();
});

test('one VM has one QEMU: a second launch is refused and leaves the first alone', async () => {
  const process = await lab.launch(host);
  await assert.rejects(lab.launch(host), fault('VM_STATE', new RegExp(`process ${process.pid}`)));
  assert.equal(await process.state(), 'paused');
  await process.quit();
});

test('a QEMU that does not start leaves its words and nothing else', async () => {
  const impossible = { images: [{ name: 'bare.raw', role: 'disk', format: 'qcow2' }] };
  await assert.rejects(lab.launch(host, { kind: 'boot' }, impossible), fault('QEMU_FAILED', /not in qcow2 format/));
  assert.deepEqual(await readdir(runDir()), []);
  assert.deepEqual(await processesBelow(lab.dir), []);
});

test('a QEMU that starts and says nothing is given up and ended', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'carnet-mute-'));
  const binary = join(dir, 'qemu-system-mute');
  const script = `#!/bin/sh\n[ "$1" = --version ] && echo version 7.2.0 && exit\nmkfifo ${dir}/never && read word <${dir}/never\n`;
  writeFileSync(binary, script, { mode: 0o755 });
  const hasty: Clock = { nowMs: () => Date.now() * 20, after: (ms, callback) => systemClock.after(ms / 20, callback) };
  const mute = await createQemu({ runDir: join(dir, 'run'), logDir: join(dir, 'log'), clock: hasty, binary });
  await assert.rejects(lab.launch(mute), fault('QEMU_TIMEOUT'));
  assert.deepEqual(await readdir(join(dir, 'run')), []);
  assert.deepEqual(await processesBelow(dir), []);
  await rm(dir, { recursive: true });
});

test('a broker without QEMU says which package is missing', async () => {
  const options = { runDir: runDir(), logDir: join(lab.dir, 'log'), clock: systemClock, binary: '/nonexistent/qemu' };
  await assert.rejects(createQemu(options), (error) => {
    assert.ok(error instanceof BrokerError && error.code === 'QEMU_FAILED');
    assert.match(error.hint ?? '', /qemu-system-x86/);
    return true;
  });
});

test('a run directory too deep for a socket is said before anything starts', async () => {
  const deep = join(lab.dir, 'd'.repeat(100));
  const far = await createQemu({ runDir: deep, logDir: join(lab.dir, 'log'), clock: systemClock });
  await assert.rejects(lab.launch(far), fault('CONFIG_INVALID', /bytes/));
  assert.deepEqual(await readdir(deep), []);
});

test('saved memory of another size than the VM is not mapped', async () => {
  const path = join(lab.dir, 'memory');
  writeFileSync(path, Buffer.alloc(4096));
  const fd = openSync(path, 'r+');
  const origin = { kind: 'restore', memoryFd: fd, devicesFd: fd } as const;
  await assert.rejects(lab.launch(host, origin), fault('CHECKPOINT_DAMAGED', /4096 bytes/));
  closeSync(fd);
  assert.equal(statSync(path).size, 4096);
  assert.deepEqual(await readdir(runDir()), []);
});

test('a QEMU waiting for a migration is not told to run', async () => {
  const process = await lab.launch(host, { kind: 'incoming' });
  assert.equal(await process.state(), 'incoming');
  await assert.rejects(process.run(), fault('VM_STATE'));
  await process.quit();
});

test('the end of a QEMU is an event, and nothing is left of it then', async () => {
  const process = await lab.launch(host);
  const exited = happens(process, (event) => event.kind === 'exited');
  global.process.kill(process.pid, 'SIGKILL');
  await exited;
  assert.deepEqual(await readdir(runDir()), []);
  await assert.rejects(process.state(), fault('QEMU_FAILED'));
  await process.quit();
});

test('a broker that comes back finds its QEMU again, and one that ended is forgotten', async () => {
  const process = await lab.launch(host);
  await process.run();
  host.release();
  await assert.rejects(process.state(), fault('QEMU_FAILED'));

  const back = await lab.host('alpha');
  const adopted = await back.adopt(process.vm);
  assert.equal(adopted?.pid, process.pid);
  assert.equal(adopted?.accelerator, 'tcg');
  assert.equal(await adopted?.state(), 'running');
  const exited = adopted && happens(adopted, (event) => event.kind === 'exited');
  global.process.kill(process.pid, 'SIGKILL');
  await exited;
  assert.equal(await back.adopt(process.vm), undefined);
  assert.deepEqual(await readdir(runDir()), []);
});

test('a record whose process id was taken over by another process names no QEMU', async () => {
  const process = await lab.launch(host);
  const path = join(runDir(), 'vm1', 'qemu.json');
  const record = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...record, startTime: '1' }));
  assert.equal(await host.adopt(process.vm), undefined);
  global.process.kill(process.pid, 'SIGKILL');
  await process.quit();
});

test('a QEMU whose broker died before it wrote its record is ended by the next launch', async () => {
  const orphan = await lab.launch(host);
  host.release();
  await rm(join(runDir(), 'vm1', 'qemu.json'));
  const next = await lab.launch(host);
  assert.notEqual(next.pid, orphan.pid);
  assert.equal(startTimeOf(orphan.pid), undefined);
  await next.quit();
});

test('a QEMU whose broker died before it wrote its record is ended when a broker comes back, also one without its socket yet', async () => {
  const orphan = await lab.launch(host);
  host.release();
  for (const name of ['qemu.json', 'qmp.sock']) await rm(join(runDir(), 'vm1', name));
  const back = await lab.host('alpha');
  assert.equal(await back.adopt(orphan.vm), undefined);
  assert.equal(startTimeOf(orphan.pid), undefined);
  assert.deepEqual(await readdir(runDir()), []);
});

test('a socket that is left over does not keep a VM from starting', async () => {
  const dir = join(runDir(), 'vm1');
  const process = await lab.launch(host);
  // A broker that is away does not clear up.
  host.release();
  global.process.kill(process.pid, 'SIGKILL');
  while (startTimeOf(process.pid) !== undefined) await setImmediate();
  assert.ok(existsSync(join(dir, 'qmp.sock')));
  const next = await lab.launch(host);
  assert.equal(await next.state(), 'paused');
  await next.quit();
});
