import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { VmProcess } from '../../../../../services/broker/runtime/ports.ts';
import type { Controls } from '../../../../../services/broker/vmm/qemu/controls.ts';
import type { QemuEvent } from '../../../../../services/broker/vmm/qemu/events.ts';
import { sendExactly } from '../../../../../services/broker/vmm/qemu/exact-sending.ts';
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
} from '../../../../support/guest.ts';
import { createManualClock } from '../../../../support/manual-clock.ts';

const memoryBytes = 192 * 1024 * 1024;
const pageBytes = 4096;
/** QEMU left to itself looks for dirty pages several times then, which is when it loses some. */
const patient = { bandwidthBytesPerSecond: 20_000_000, downtimeMsMax: 1 };

let lab: Lab;
let host: QemuVmm;
let guest: VmProcess;

before(async () => {
  lab = await openLab();
  ({ host, guest } = await runLinux(lab, 'alpha'));
});
after(() => lab.end());

/** Where the guest's memory is in QEMU's own: the one private mapping of its size. */
function memoryOf({ pid }: VmProcess): { fd: number; start: number } {
  const starts = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$/.exec(line) ?? [];
      const start = Number.parseInt(from, 16);
      return Number.parseInt(to, 16) - start === memoryBytes ? [start] : [];
    });
  assert.equal(starts.length, 1, 'the memory is found');
  return { fd: openSync(`/proc/${pid}/mem`, 'r'), start: starts[0] ?? 0 };
}

/** The numbers of the pages in which the memories of two guests differ. Both have to be paused. */
function differingPages(one: VmProcess, other: VmProcess): number[] {
  const memories = [memoryOf(one), memoryOf(other)];
  const chunk = 1024 * 1024;
  const [left, right] = [Buffer.alloc(chunk), Buffer.alloc(chunk)];
  const differing: number[] = [];
  for (let at = 0; at < memoryBytes; at += chunk) {
    for (const [index, { fd, start }] of memories.entries()) {
      assert.equal(readSync(fd, index === 0 ? left : right, 0, chunk, start + at), chunk);
    }
    if (left.equals(right)) continue;
    for (let page = 0; page < chunk; page += pageBytes) {
      const end = page + pageBytes;
      if (left.compare(right, page, end, page, end) !== 0) differing.push((at + page) / pageBytes);
    }
  }
  for (const { fd } of memories) closeSync(fd);
  return differing;
}

for (const forced of [false, true]) {
  const how = forced ? 'forced on its way' : 'left to itself';
  test(`every page of an emulated guest that is ${how} arrives as it was, time after time`, async () => {
    for (const number of [1, 2, 3]) {
      const name = `${forced ? 'forced' : 'left'}${number}`;
      const next = await lab.host(name);
      const key = newKey();
      const destination = await lab.launch(next, { kind: 'incoming' });
      const { port } = await destination.listen('127.0.0.1', key);
      const ready = happens(guest, migrationIs('pre-switchover'));
      const completed = happens(guest, migrationIs('completed'));
      const arrived = happens(destination, migrationIs('completed'));
      await guest.send({ address: '127.0.0.1', port }, key, patient);
      assert.equal(await guest.state(), 'running');
      if (forced) await guest.forceSend();
      await ready;
      await guest.switchOver();
      await Promise.all([completed, arrived]);
      assert.deepEqual(differingPages(guest, destination), []);

      const left = lastSaid(host.consolePath(guest.vm));
      await guest.quit();
      await destination.run();
      assert.equal((await hears(next, left?.count)).boot, left?.boot);
      [host, guest] = [next, destination];
    }
  });
}

/** A QEMU that does as it is told, and says what it was told. `migrating` is called when it is told to migrate. */
function fakeQemu(qemuVersion: string, migrating: (says: (status: 'setup' | 'active' | 'failed') => void) => void) {
  const told: unknown[] = [];
  const clock = createManualClock();
  const callbacks = new Set<(event: QemuEvent) => void>();
  const says = (status: 'setup' | 'active' | 'failed') => {
    for (const callback of [...callbacks]) callback({ kind: 'migration', status, atMs: 0 });
  };
  const controls = {
    host: { clock, qemuVersion },
    record: { vm: 'vm1', accelerator: 'tcg' },
    async execute(command: string, args?: Record<string, unknown>) {
      if (command === 'query-status') return { status: 'running' };
      told.push(command === 'migrate-set-parameters' ? [args?.['max-bandwidth'], args?.['downtime-limit']] : command);
      if (command === 'migrate') migrating(says);
      return {};
    },
    onEvent(callback: (event: QemuEvent) => void) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  } as unknown as Controls;
  return { told, clock, controls };
}
const nowhere = { address: 'h', port: 1 };
const parameters = { credentials: 'transfer', bandwidthBytesPerSecond: 1000, downtimeMsMax: 300 };

test('the guest is paused until QEMU has begun, which it does too slowly to end', async () => {
  for (const [version, limit] of [
    ['7.2.22', 0],
    ['8.0.0', 2_000_000],
    ['10.0.2', 2_000_000],
  ] as const) {
    const { told, controls } = fakeQemu(version, (says) => {
      says('setup');
      queueMicrotask(() => says('active'));
    });
    await sendExactly(controls, nowhere, parameters);
    assert.deepEqual(told, [[10, 0], 'stop', 'migrate', 'cont', [1000, limit]]);
  }
});

test('where it begins by failing the guest runs, and an event says the rest', async () => {
  const { told, controls } = fakeQemu('7.2.22', (says) => says('failed'));
  await sendExactly(controls, nowhere, parameters);
  assert.deepEqual(told, [[10, 0], 'stop', 'migrate', 'cont', [1000, 0]]);
});

test('a destination that does not answer is given up before the guest runs again', async () => {
  const { told, clock, controls } = fakeQemu('7.2.22', (says) => {
    says('setup');
    setImmediate(() => clock.advance(5_000));
  });
  await assert.rejects(
    sendExactly(controls, nowhere, parameters),
    (error) => error instanceof BrokerError && error.code === 'QEMU_TIMEOUT',
  );
  assert.deepEqual(told, [[10, 0], 'stop', 'migrate', 'migrate_cancel', 'cont']);
});
