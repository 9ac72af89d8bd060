import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const carnet = join(import.meta.dirname, '../../services/cli/carnet');
const entrypointRule = 'allow qemu_virtdisk_t vm_user_t:vm entrypoint;';

type Step = Record<string, unknown> & { name: string; ok: boolean; problem?: string };

interface Run {
  readonly run: number;
  readonly host: string;
  readonly outcome: string;
  readonly checkpoint: string | null;
  readonly pauseMs: number | null;
}

const sorted = (names: unknown): string[] => [...(names as readonly string[])].sort();

/** The processes that have something to do with a folder, as their command lines. */
const processesOf = async (folder: string) =>
  (await promisify(execFile)('ps', ['-eo', 'args='])).stdout.split('\n').filter((line) => line.includes(folder));

test('the demo shows what it tells on real hosts, step by step', { timeout: 900_000 }, async (t) => {
  // Short, for what the demo makes in it, and its own, so that what is left is this demo's.
  const folder = mkdtempSync(join(tmpdir(), 'ce-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { stdout, code } = await promisify(execFile)(carnet, ['demo', '--json', '--quiet'], {
    maxBuffer: 1024 * 1024,
    env: { ...process.env, TMPDIR: folder },
  }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    (error: { stdout?: string; code?: number }) => ({ stdout: error.stdout ?? '', code: error.code }),
  );
  const told = JSON.parse(stdout) as { ok: boolean; steps: Step[] };
  const step = (name: string): Step => {
    const found = told.steps.find((one) => one.name === name);
    assert.ok(found !== undefined, `${name} was not reached: ${told.steps.at(-1)?.problem ?? ''}`);
    assert.ok(found.ok, found.problem);
    return found;
  };

  await t.test('the fleet has an authority that serves, and everybody enrolled with it', () => {
    const { started, enrolled } = step('fleet');
    assert.deepEqual(sorted(started), ['alpha', 'authority', 'beta', 'bus', 'gamma', 'scheduler']);
    assert.deepEqual(sorted(enrolled), ['alpha', 'beta', 'gamma', 'intruder', 'monitor', 'operator', 'scheduler']);
  });

  await t.test('the intruder and the monitor are refused, the operator starts it in the label of its image', () => {
    const { label, intruderRefusedFor, monitorRefusedFor } = step('start');
    assert.equal(label, 'operator_u:operator_r:vm_user_t:s0:c10,c20');
    assert.deepEqual(intruderRefusedFor, [
      'neverallow { domain -vm_domain -carnet_t -vm_image_user } vm_image:file { read write append map execute };',
      'allow carnet_intruder_t qemu_virtdisk_t:file getattr;',
      'allow carnet_intruder_t qemu_kernel_t:file { read getattr };',
      'allow carnet_intruder_t qemu_kernel_t:file { read getattr };',
      'type_transition carnet_intruder_t qemu_virtdisk_t:vm VM_DOMAIN;',
    ]);
    assert.deepEqual(monitorRefusedFor, ['neverallow carnet_monitor_t vm_domain:vm ~monitor;']);
  });

  await t.test('the label is the same to the end', () => {
    const labels = ['start', 'migrate', 'refused-by-gamma', 'restore', 'job', 'reload-under-way'].map(
      (name) => step(name)['label'],
    );
    assert.deepEqual([...new Set(labels)], [step('start')['label']]);
  });

  await t.test('it migrates live', () => {
    const { epoch, downtimeMs, bytesPerSecond, sentBytes, lastCountBefore, firstCountAfter } = step('migrate');
    assert.equal(epoch, 2);
    assert.ok(Number(downtimeMs) > 0 && Number(bytesPerSecond) > 0);
    assert.ok(Number(sentBytes) > 1024 * 1024);
    assert.ok(Number(firstCountAfter) >= Number(lastCountBefore));
    assert.ok(Number(firstCountAfter) <= Number(lastCountBefore) + 2);
  });

  await t.test('its disk goes along with its memory', () => {
    const { lastDiskBefore, firstDiskAfter, lastCountBefore, firstCountAfter } = step('migrate');
    assert.equal(lastDiskBefore, Number(lastCountBefore) - 1);
    assert.equal(firstDiskAfter, Number(firstCountAfter) - 1);
    const { countBefore, countWhenSaved, diskWhenSaved, countAtStop, diskAtStop } = step('checkpoint');
    assert.ok(Number(diskWhenSaved) >= Number(countBefore) - 1 && Number(diskWhenSaved) <= Number(countWhenSaved));
    assert.equal(diskAtStop, countAtStop);
    const { countAtEnd, diskAtEnd } = step('reload-under-way');
    assert.ok(Number(diskAtEnd) > Number(diskAtStop));
    assert.equal(diskAtEnd, countAtEnd);
  });

  await t.test('the host that lacks a rule refuses before anything happens', () => {
    const { missing, spawned, portsOpened, sentBytes, pauses, states, epoch, looks } = step('refused-by-gamma');
    assert.deepEqual(
      { missing, spawned, portsOpened, sentBytes, pauses, states, epoch },
      {
        missing: entrypointRule,
        spawned: 0,
        portsOpened: 0,
        sentBytes: 0,
        pauses: 0,
        states: ['running'],
        epoch: step('migrate')['epoch'],
      },
    );
    assert.ok(Number(looks) > 1);
  });

  await t.test('a checkpoint is taken live and restored elsewhere, from where it was taken', () => {
    const { countWhenSaved, countAtStop, pauseMs } = step('checkpoint');
    const { firstCount, loadMs, epoch } = step('restore');
    assert.ok(Number(pauseMs) >= 0 && Number(loadMs) > 0);
    assert.ok(Number(firstCount) < Number(countAtStop));
    assert.ok(Number(firstCount) <= Number(countWhenSaved) + 2);
    assert.equal(epoch, 3);
  });

  await t.test('the disk that is restored is the one of the checkpoint, not the later one', () => {
    const { diskWhenSaved, diskAtStop } = step('checkpoint');
    const { firstCount, firstDisk } = step('restore');
    assert.equal(firstDisk, Number(firstCount) - 1);
    assert.ok(Math.abs(Number(firstDisk) - Number(diskWhenSaved)) <= 1);
    assert.ok(Number(firstDisk) < Number(diskAtStop));
  });

  await t.test('a checkpoint that was changed is noticed, one that policy does not want is refused', () => {
    const { bitFlipped, labelEdited, missingOnGamma, diskAtStop, diskAfterRefusals } = step('tampered');
    assert.equal(diskAfterRefusals, diskAtStop);
    assert.equal(bitFlipped, 'CHECKPOINT_DAMAGED');
    assert.equal(labelEdited, 'CHECKPOINT_DAMAGED');
    assert.deepEqual(missingOnGamma, [entrypointRule]);
  });

  await t.test('a job follows the VM, keeps two, and is refused where its client would be', () => {
    const { kept, monitorRefusedFor } = step('job');
    const runs = step('job')['runs'] as readonly Run[];
    const completed = runs.filter(({ outcome }) => outcome === 'completed');
    assert.ok(completed.length >= 3);
    assert.equal(new Set(completed.map(({ checkpoint }) => checkpoint)).size, completed.length);
    for (const { checkpoint, pauseMs } of completed) {
      assert.match(String(checkpoint), /^cp-/);
      assert.ok(Number(pauseMs) > 0);
    }
    // On alpha first, then on beta, where it was migrated to, and on alpha no more.
    const hosts = completed.map(({ host }) => host);
    assert.deepEqual([...new Set(hosts)], ['alpha', 'beta']);
    assert.deepEqual(hosts, sorted(hosts));
    assert.deepEqual(
      runs.map(({ run }) => run),
      runs.map((_, index) => index + 1),
    );
    assert.deepEqual(sorted(kept), sorted(completed.slice(-2).map(({ checkpoint }) => checkpoint)));
    assert.deepEqual(monitorRefusedFor, ['neverallow carnet_monitor_t vm_domain:vm ~monitor;']);
  });

  await t.test('a policy that changes under way stops a migration at switchover', () => {
    const { moment, missing, sentBytes, epoch } = step('reload-under-way');
    assert.equal(epoch, step('job')['epoch'], 'nothing has moved');
    assert.equal(moment, 'switchover');
    assert.deepEqual(missing, [entrypointRule]);
    assert.ok(Number(sentBytes) > 0);
  });

  await t.test('all of it was as expected, and nothing is left', async () => {
    assert.equal(told.ok, true);
    assert.equal(code, 0);
    assert.equal(told.steps.length, 9);
    assert.deepEqual(readdirSync(folder), []);
    assert.deepEqual(await processesOf(folder), []);
  });
});

test('a demo that nobody reads any more is ended, and nothing is left', { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ce-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', `"${carnet}" demo | head -n 1`], {
    env: { ...process.env, TMPDIR: folder },
  });
  assert.equal(stdout, 'Carnet: one VM, three hosts, and what policy has to say\n');
  assert.equal(stderr, '');
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(await processesOf(folder), []);
});
