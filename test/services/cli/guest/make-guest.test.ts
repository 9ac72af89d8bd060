import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readSpecFile } from '../../../../services/cli/commands/spec-file.ts';
import { makeRoot, openOrMakeFleet } from '../../../../services/cli/fleet/folder.ts';
import { ensureGuest, type Guest } from '../../../../services/cli/guest/make-guest.ts';
import { carnet } from '../run-carnet.ts';

let folder: string;
let cache: string;
let guests: Guest[];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'carnet-guest-'));
  cache = join(folder, 'carnet');
  guests = await Promise.all([ensureGuest(cache), ensureGuest(cache)]);
});
after(() => rmSync(folder, { recursive: true }));

test('two that make the guest at once both have it, and leave nothing else', () => {
  assert.deepEqual(readdirSync(join(cache, 'guest')).sort(), ['initrd.gz', 'stamp', 'vmlinuz']);
  for (const { kernelPath, initrdPath } of guests) {
    assert.ok(statSync(kernelPath).size > 1_000_000 && statSync(initrdPath).size > 500_000);
  }
});

test('a guest that is there is not made again', async () => {
  const inodes = () =>
    guests.flatMap(({ kernelPath, initrdPath }) => [statSync(kernelPath).ino, statSync(initrdPath).ino]);
  const made = inodes();
  await ensureGuest(cache);
  assert.deepEqual(inodes(), made);
});

test('a disk is an empty qcow2 of 64 MiB', async () => {
  const path = join(cache, 'disk.qcow2');
  await guests[0]?.makeDisk(path);
  const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', path], { encoding: 'utf8' }));
  assert.deepEqual(
    [info.format, info['virtual-size'], info['backing-filename']],
    ['qcow2', 64 * 1024 * 1024, undefined],
  );
});

test('`carnet fleet guest` puts it into the pool of a fleet, and prints the spec of a VM that has it', async () => {
  const root = join(folder, 'fleet');
  makeRoot(root);
  const { layout } = await openOrMakeFleet(root);
  const said = await carnet(['fleet', 'guest', '--fleet', root], { env: { XDG_CACHE_HOME: folder } });
  assert.equal(said.status, 0, said.stderr);
  assert.match(said.stderr, /labelled by (security\.selinux|file_contexts)\n$/);

  const file = join(folder, 'web.yaml');
  writeFileSync(file, said.stdout);
  const spec = await readSpecFile(file);
  assert.deepEqual(
    spec.images.map(({ role }) => role),
    ['disk', 'kernel', 'initrd'],
  );
  for (const { name } of spec.images) assert.ok(statSync(join(layout.pool, name)).size > 0, name);
  assert.equal(spec.commandLine, guests[0]?.commandLine);

  const asJson = await carnet(['fleet', 'guest', '--json', '--fleet', root], { env: { XDG_CACHE_HOME: folder } });
  assert.deepEqual(JSON.parse(asJson.stdout).spec, { ...spec });
});

test('`carnet fleet guest` needs a fleet to put it into', async () => {
  const said = await carnet(['fleet', 'guest', '--fleet', join(folder, 'none')], { env: { XDG_CACHE_HOME: folder } });
  assert.deepEqual([said.status, said.stdout], [2, '']);
  assert.match(said.stderr, /there is no fleet in .*none \[CONFIG_INVALID\]\n {2}make one with `carnet fleet up`/);
});
