import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { link, mkdir, open, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createImages, type ImagePool } from '../../../../services/broker/images/images.ts';
import type { ImageName } from '../../../../shared/ids.ts';
import { imageSpec, makePool, type TestPool } from '../../../support/gate/pool.ts';

const label = 'system_u:object_r:qemu_virtdisk_t:s0:c1,c2';

let pool: TestPool;
let images: ImagePool;
beforeEach(async () => {
  pool = await makePool();
  images = await createImages({ directory: pool.directory });
});
afterEach(async () => {
  await images.close();
  await pool.remove();
});

test("an image is opened once, with its label and size, in the pool's name", async () => {
  await pool.put('disk.raw', 'x'.repeat(1000), label);
  const opened = await images.open([imageSpec('disk.raw')]);
  const [image] = opened.images;
  assert.ok(image !== undefined);
  assert.deepEqual([image.label, image.sizeBytes, image.pool], [label, 1000, images.id]);
  assert.equal(writeSync(image.fd, 'y', 0), 1);
  const buffer = Buffer.alloc(2);
  readSync(image.readOnlyFd, buffer, 0, 2, 0);
  assert.equal(buffer.toString(), 'yx');
  assert.throws(() => writeSync(image.readOnlyFd, 'z', 0), { code: 'EBADF' });
  opened.close();
  opened.close();
  assert.throws(() => fstatSync(image.fd), { code: 'EBADF' });
});

for (const [what, spec] of [
  ['read-only disk', { readonly: true }],
  ['kernel', { role: 'kernel' }],
  ['initrd', { role: 'initrd' }],
] as const) {
  test(`a ${what} cannot be written through any of its descriptors`, async () => {
    await pool.put('image', 'content', label);
    const opened = await images.open([imageSpec('image', spec)]);
    const [image] = opened.images;
    assert.throws(() => writeSync(image?.fd ?? -1, 'z', 0), { code: 'EBADF' });
    opened.close();
  });
}

test('what was checked is what is used, whatever is put in its place afterwards', async () => {
  await pool.put('disk.raw', 'good', label);
  const opened = await images.open([imageSpec('disk.raw')]);
  await pool.put('other', 'evil', label);
  await rename(pool.path('other'), pool.path('disk.raw'));
  const buffer = Buffer.alloc(4);
  readSync(opened.images[0]?.fd ?? -1, buffer, 0, 4, 0);
  assert.equal(buffer.toString(), 'good');
  opened.close();
});

const refusals: [string, () => Promise<unknown>, string, RegExp][] = [
  ['a symbolic link', () => symlink('/etc/passwd', pool.path('image')), 'IMAGE_UNSAFE', /not a plain file/],
  [
    'a symbolic link within the pool',
    () => pool.put('real', 'x', label).then(() => symlink('real', pool.path('image'))),
    'IMAGE_UNSAFE',
    /not a plain file/,
  ],
  [
    'a file with a second name',
    () => pool.put('image', 'x', label).then(() => link(pool.path('image'), join(pool.outside, 'second'))),
    'IMAGE_UNSAFE',
    /more than one name/,
  ],
  ['a directory', () => mkdir(pool.path('image')), 'IMAGE_UNSAFE', /not a plain file/],
  ['a pipe', async () => execFileSync('mkfifo', [pool.path('image')]), 'IMAGE_UNSAFE', /not a plain file/],
  [
    'a device',
    async () => execFileSync('mknod', [pool.path('image'), 'c', '1', '3']),
    'IMAGE_UNSAFE',
    /not a plain file/,
  ],
  ['not there', async () => undefined, 'IMAGE_UNKNOWN', /no image image/],
  ['without a label', () => pool.put('image', 'x'), 'IMAGE_UNLABELLED', /no security label/],
];
for (const [what, make, code, message] of refusals) {
  const needsRoot = what === 'a device' && process.getuid?.() !== 0;
  test(`an image that is ${what} is refused with ${code}, and nothing stays open`, { skip: needsRoot }, async () => {
    await make();
    const before = openFiles();
    await assert.rejects(images.open([imageSpec('image')]), { code, message });
    assert.deepEqual(openFiles(), before);
  });
}

test('a socket is refused', async () => {
  const server = createServer().listen(pool.path('image'));
  await new Promise((resolve) => server.once('listening', resolve));
  await assert.rejects(images.open([imageSpec('image')]), { code: 'IMAGE_UNSAFE' });
  server.close();
});

/** How many descriptors of the pool this process holds, by what they are. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return fstatSync(Number(fd)).isFile() ? [fd] : [];
    } catch {
      return [];
    }
  });
}

for (const name of [
  '../secret',
  '..',
  '.',
  '/etc/passwd',
  'a/b',
  '',
  '.hidden',
  '-option',
  'a\0b',
  'x'.repeat(129),
  '.carnet-pool',
]) {
  test(`the name ${JSON.stringify(name.slice(0, 20))} is never a path`, async () => {
    await writeFile(join(pool.outside, 'secret'), 'x');
    await assert.rejects(images.open([imageSpec(name)]), { code: 'IMAGE_UNSAFE' });
    const source = openSync(join(pool.outside, 'secret'), constants.O_RDONLY);
    await assert.rejects(images.replace(name as ImageName, source, label as never), { code: 'IMAGE_UNSAFE' });
  });
}

test('where one image is refused, the others are closed again', async () => {
  await pool.put('good', 'x', label);
  const before = openFiles();
  await assert.rejects(images.open([imageSpec('good'), imageSpec('missing')]), { code: 'IMAGE_UNKNOWN' });
  assert.deepEqual(openFiles(), before);
});

test('a pool keeps its id, and its mounts elsewhere have the same', async () => {
  const again = await createImages({ directory: pool.directory });
  assert.equal(again.id, images.id);
  assert.equal(await readFile(pool.path('.carnet-pool'), 'utf8'), `${images.id}\n`);
  await again.close();
});

test('two hosts that give one pool its id agree on it', async () => {
  const fresh = await makePool();
  const both = await Promise.all(Array.from({ length: 8 }, () => createImages({ directory: fresh.directory })));
  assert.equal(new Set(both.map(({ id }) => id)).size, 1);
  assert.deepEqual(readdirSync(fresh.directory), ['.carnet-pool']);
  await Promise.all(both.map((each) => each.close()));
  await fresh.remove();
});

for (const [what, make] of [
  ['no UUID', (path: string) => writeFile(path, 'nonsense')],
  ['a link', (path: string) => symlink('/etc/hostname', path)],
  ['a directory', (path: string) => mkdir(path)],
] as const) {
  test(`a pool whose id is ${what} is refused`, async () => {
    const fresh = await makePool();
    await make(fresh.path('.carnet-pool'));
    await assert.rejects(createImages({ directory: fresh.directory }), { code: 'CONFIG_INVALID' });
    await fresh.remove();
  });
}

test('a pool that is not there is refused', async () => {
  await assert.rejects(createImages({ directory: join(pool.outside, 'nowhere') }), { code: 'CONFIG_INVALID' });
});

test('an image without a label of its own has the one that file_contexts gives its path', async () => {
  const fileContexts = join(pool.outside, 'file_contexts');
  await writeFile(fileContexts, `${pool.directory}/.*\\.raw ${label}\n`);
  const mapped = await createImages({ directory: pool.directory, fileContexts });
  await pool.put('plain.raw', 'x');
  await pool.put('own.raw', 'x', 'system_u:object_r:other_t:s0');
  await pool.put('unknown.img', 'x');
  const opened = await mapped.open([imageSpec('plain.raw'), imageSpec('own.raw')]);
  assert.deepEqual(
    opened.images.map((image) => image.label),
    [label, 'system_u:object_r:other_t:s0'],
  );
  opened.close();
  await assert.rejects(mapped.open([imageSpec('unknown.img')]), { code: 'IMAGE_UNLABELLED' });
  await mapped.close();
});

test('a label that is no security context is not taken for none', async () => {
  await pool.put('disk.raw', 'x', 'nonsense');
  const fileContexts = join(pool.outside, 'file_contexts');
  await writeFile(fileContexts, `${pool.directory}/.* ${label}\n`);
  const mapped = await createImages({ directory: pool.directory, fileContexts });
  await assert.rejects(mapped.open([imageSpec('disk.raw')]), {
    code: 'IMAGE_UNLABELLED',
    message: /not a security context/,
  });
  await mapped.close();
});

async function sourceOf(content: string | Buffer): Promise<number> {
  const path = join(pool.outside, 'source');
  await writeFile(path, content);
  return openSync(path, constants.O_RDONLY);
}

test("a checkpoint's disk takes the place of an image whole, with its label, and leaves no other file", async () => {
  await pool.put('disk.raw', 'old', 'system_u:object_r:old_t:s0');
  const old = await open(pool.path('disk.raw'));
  const content = Buffer.alloc(3 * 1024 * 1024 + 17);
  content.write('head');
  content.write('tail', content.length - 4);
  await images.replace('disk.raw' as ImageName, await sourceOf(content), label as never);
  assert.ok(content.equals(await readFile(pool.path('disk.raw'))));
  assert.equal(await old.readFile('utf8'), 'old');
  await old.close();
  const opened = await images.open([imageSpec('disk.raw')]);
  assert.equal(opened.images[0]?.label, label);
  const { blocks, mode } = fstatSync(opened.images[0]?.fd ?? -1);
  assert.ok(blocks * 512 < content.length, 'zeros became holes');
  assert.equal(mode & 0o777, 0o600);
  opened.close();
  assert.deepEqual(readdirSync(pool.directory).sort(), ['.carnet-pool', 'disk.raw']);
});

test('an image that cannot be replaced is as it was, and nothing is left beside it', async () => {
  await pool.put('disk.raw', 'old', label);
  const write = openSync(join(pool.outside, 'unreadable'), constants.O_WRONLY | constants.O_CREAT);
  writeSync(write, 'new');
  await assert.rejects(images.replace('disk.raw' as ImageName, write, label as never), { code: 'STORE_FAILED' });
  assert.equal(await readFile(pool.path('disk.raw'), 'utf8'), 'old');
  assert.deepEqual(readdirSync(pool.directory).sort(), ['.carnet-pool', 'disk.raw']);
});

test('a link in the place of an image is not replaced', async () => {
  await symlink('/etc/hostname', pool.path('disk.raw'));
  const source = await sourceOf('new');
  await assert.rejects(images.replace('disk.raw' as ImageName, source, label as never), { code: 'IMAGE_UNSAFE' });
  assert.equal(await readlink(pool.path('disk.raw')), '/etc/hostname');
});
