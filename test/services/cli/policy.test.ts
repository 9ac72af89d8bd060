import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { carnet } from './run-carnet.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carnet-policy-'));
});
after(() => rm(folder, { recursive: true }));

test('the policy that is built is one that loads', async () => {
  const built = await carnet(['policy', 'build', 'accepting']);
  assert.equal(built.status, 0);
  const file = join(folder, 'policy.conf');
  await writeFile(file, built.stdout);
  const checked = await carnet(['policy', 'check', file]);
  assert.equal(checked.status, 0, checked.stdout);
  assert.match(checked.stdout, /✓ loads: .*policy\.conf sha256 [0-9a-f]{64}\n$/);

  const broken = built.stdout.replace(
    'type_transition carnet_operator_t qemu_virtdisk_t',
    'type_transition nobody_t qemu_virtdisk_t',
  );
  await writeFile(file, broken);
  const refused = await carnet(['policy', 'check', file]);
  assert.equal(refused.status, 1);
  assert.match(refused.stdout, /modules\/clients\.te:\d+:\d+: error: .*nobody_t/);
  assert.match(refused.stdout, /\n {2}.*type_transition nobody_t[^\n]*\n {2} *\^+\n/);
  assert.match(refused.stdout, /✗ does not load/);

  const machine = await carnet(['policy', 'check', file, '--json']);
  assert.equal(machine.status, 1);
  const { diagnostics } = JSON.parse(machine.stdout) as { diagnostics: { severity: string; line: number }[] };
  assert.equal(diagnostics[0]?.severity, 'error');
});

test('a kind of host there is not is named with those there are', async () => {
  const said = await carnet(['policy', 'build', 'nowhere']);
  assert.equal(said.status, 2);
  assert.match(said.stderr, /accepting, no-entrypoint/);
});

test('a file that cannot be read does not load', async () => {
  const said = await carnet(['policy', 'check', join(folder, 'nothing.conf')]);
  assert.equal(said.status, 1);
  assert.match(said.stdout, /nothing\.conf:1:1: error: cannot read the policy/);
});
