import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureGuest, type Guest } from '../../../../services/cli/guest/make-guest.ts';

let cache: string;
let guests: Guest[];
before(async () => {
  cache = mkdtempSync(join(tmpdir(), 'carnet-guest-'));
  guests = await Promise.all([ensureGuest(cache), ensureGuest(cache)]);
});
after(() => rmSync(cache, { recursive: true }));

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
