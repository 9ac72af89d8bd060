import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const carnet = join(import.meta.dirname, '../../services/cli/carnet');
const entrypointRule = 'allow qemu_virtdisk_t vm_user_t:vm entrypoint;';

type Step = Record<string, unknown> & { name: string; ok: boolean; problem?: string };

const demoFolders = () => readdirSync(tmpdir()).filter((name) => /^carnet-demo-[A-Za-z0-9]{6}$/.test(name));

test('the demo shows what it tells on real hosts, step by step', { timeout: 900_000 }, async (t) => {
  const before = demoFolders();
  const { stdout, code } = await promisify(execFile)(carnet, ['demo', '--json', '--quiet'], {
    maxBuffer: 1024 * 1024,
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

  await t.test('the intruder and the monitor are refused, the operator starts it in the label of its image', () => {
    const { label, intruderMissing, monitorMissing } = step('start');
    assert.match(String(label), /^operator_u:operator_r:vm_user_t:s0/);
    assert.ok(Array.isArray(intruderMissing) && intruderMissing.length > 0);
    assert.deepEqual(monitorMissing, ['allow carnet_monitor_t vm_user_t:vm stop;']);
  });

  await t.test('it migrates live', () => {
    const { epoch, downtimeMs, bytesPerSecond, sentBytes, lastCountBefore, firstCountAfter, label } = step('migrate');
    assert.equal(epoch, 2);
    assert.ok(Number(downtimeMs) > 0 && Number(bytesPerSecond) > 0);
    assert.ok(Number(sentBytes) > 1024 * 1024);
    assert.ok(Number(firstCountAfter) >= Number(lastCountBefore));
    assert.equal(label, step('start')['label']);
  });

  await t.test('the host that lacks a rule refuses before anything happens', () => {
    const { missing, spawned, portsOpened, sentBytes, pauses } = step('refused-by-gamma');
    assert.deepEqual(
      { missing, spawned, portsOpened, sentBytes, pauses },
      {
        missing: entrypointRule,
        spawned: 0,
        portsOpened: 0,
        sentBytes: 0,
        pauses: 0,
      },
    );
  });

  await t.test('a checkpoint is taken live and restored elsewhere, from where it was taken', () => {
    const { countWhenSaved, countAtStop, pauseMs } = step('checkpoint');
    const { firstCount, loadMs, epoch } = step('restore');
    assert.ok(Number(pauseMs) >= 0 && Number(loadMs) > 0);
    assert.ok(Number(firstCount) < Number(countAtStop));
    assert.ok(Number(firstCount) <= Number(countWhenSaved) + 2);
    assert.equal(epoch, 3);
  });

  await t.test('a checkpoint that was changed is noticed, one that policy does not want is refused', () => {
    const { bitFlipped, labelEdited, missingOnGamma } = step('tampered');
    assert.equal(bitFlipped, 'CHECKPOINT_DAMAGED');
    assert.equal(labelEdited, 'CHECKPOINT_DAMAGED');
    assert.deepEqual(missingOnGamma, [entrypointRule]);
  });

  await t.test('a job follows the VM, keeps two, and is refused where its client would be', () => {
    const { made, kept, refusedForMonitor } = step('job');
    assert.ok(Number(made) >= 3);
    assert.equal(kept, 2);
    assert.deepEqual(refusedForMonitor, ['allow carnet_monitor_t vm_user_t:vm save;']);
  });

  await t.test('a policy that changes under way stops a migration at switchover', () => {
    const { moment, missing, sentBytes } = step('reload-under-way');
    assert.equal(moment, 'switchover');
    assert.deepEqual(missing, [entrypointRule]);
    assert.ok(Number(sentBytes) > 0);
  });

  await t.test('all of it was as expected, and nothing is left', () => {
    assert.equal(told.ok, true);
    assert.equal(code, 0);
    assert.equal(told.steps.length, 9);
    assert.deepEqual(demoFolders(), before);
  });
});
