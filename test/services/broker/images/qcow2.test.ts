import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { createImages, type ImagePool } from '../../../../services/broker/images/images.ts';
import type { ImageName } from '../../../../shared/ids.ts';
import { imageSpec, makePool, type TestPool } from '../../../support/gate/pool.ts';

const label = 'system_u:object_r:qemu_virtdisk_t:s0:c1,c2';
const qcow2 = { format: 'qcow2' } as const;

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

function create(name: string, ...options: string[]): void {
  pool.qemuImg('create', '-f', 'qcow2', ...options, name, '1M');
  pool.label(name, label);
}

for (const compat of ['0.10', '1.1']) {
  test(`an image made by qemu-img with compat=${compat} is taken, by the size the VM sees`, async () => {
    pool.qemuImg('create', '-f', 'qcow2', '-o', `compat=${compat}`, 'disk.qcow2', '64M');
    pool.label('disk.qcow2', label);
    const opened = await images.open([imageSpec('disk.qcow2', qcow2)]);
    assert.equal(opened.images[0]?.sizeBytes, 64 * 1024 * 1024);
    opened.close();
  });
}

test('features that refer to no other file are taken', async () => {
  pool.qemuImg(
    'create',
    '-f',
    'qcow2',
    '-o',
    'compression_type=zstd,extended_l2=on,cluster_size=128k,lazy_refcounts=on',
    'disk.qcow2',
    '1M',
  );
  pool.qemuImg('snapshot', '-c', 'one', 'disk.qcow2');
  pool.label('disk.qcow2', label);
  (await images.open([imageSpec('disk.qcow2', qcow2)])).close();
});

test('an image with a backing file that its spec does not declare is refused', async () => {
  pool.qemuImg('create', '-f', 'raw', 'base.raw', '1M');
  create('disk.qcow2', '-b', 'base.raw', '-F', 'raw');
  await assert.rejects(images.open([imageSpec('disk.qcow2', qcow2)]), {
    code: 'IMAGE_UNSAFE',
    message: /names a backing file/,
  });
});

test('a declared backing file is opened and checked like every image of the VM', async () => {
  await pool.put('base.raw', Buffer.alloc(1024 * 1024), label);
  create('disk.qcow2', '-b', 'base.raw', '-F', 'raw');
  const disk = imageSpec('disk.qcow2', { ...qcow2, backing: 'base.raw' as ImageName });
  const base = imageSpec('base.raw', { readonly: true });
  const opened = await images.open([disk, base]);
  assert.equal(opened.images.length, 2);
  opened.close();
  for (const specs of [
    [disk],
    [disk, imageSpec('base.raw')],
    [disk, imageSpec('base.raw', { role: 'kernel', readonly: true })],
  ]) {
    await assert.rejects(images.open(specs), { code: 'IMAGE_UNSAFE', message: /read-only disk of the VM/ });
  }
});

test('a header whose backing file is another than the declared one, or none, is refused', async () => {
  await pool.put('base.raw', Buffer.alloc(1024 * 1024), label);
  await pool.put('other.raw', Buffer.alloc(1024 * 1024), label);
  create('disk.qcow2', '-b', 'other.raw', '-F', 'raw');
  create('plain.qcow2', '-o', 'preallocation=off');
  const base = imageSpec('base.raw', { readonly: true });
  for (const name of ['disk.qcow2', 'plain.qcow2']) {
    const disk = imageSpec(name, { ...qcow2, backing: 'base.raw' as ImageName });
    await assert.rejects(images.open([disk, base]), { code: 'IMAGE_UNSAFE' });
  }
});

test('a backing file whose format QEMU would have to guess is refused', async () => {
  await pool.put('base.raw', Buffer.alloc(1024 * 1024), label);
  create('disk.qcow2', '-b', 'base.raw', '-F', 'raw');
  const bytes = await readFile(pool.path('disk.qcow2'));
  bytes.write('\u00e2', bytes.indexOf(Buffer.from([0xe2, 0x79, 0x2a, 0xca])) + 1, 'latin1');
  await writeFile(pool.path('disk.qcow2'), bytes);
  const disk = imageSpec('disk.qcow2', { ...qcow2, backing: 'base.raw' as ImageName });
  await assert.rejects(images.open([disk, imageSpec('base.raw', { readonly: true })]), {
    code: 'IMAGE_UNSAFE',
    message: /does not say that its backing file/,
  });
});

test('an image whose data is in another file is refused, also where the feature bit was cleared', async () => {
  create('disk.qcow2', '-o', 'data_file=data.raw');
  await assert.rejects(images.open([imageSpec('disk.qcow2', qcow2)]), { message: /keeps its data in another file/ });
  const bytes = await readFile(pool.path('disk.qcow2'));
  bytes.writeBigUInt64BE(0n, 72);
  await writeFile(pool.path('disk.qcow2'), bytes);
  await assert.rejects(images.open([imageSpec('disk.qcow2', qcow2)]), { message: /names a file that holds its data/ });
});

test('an encrypted image is refused', async () => {
  await pool.put('secret', 'letmein');
  pool.qemuImg(
    'create',
    '-f',
    'qcow2',
    '--object',
    'secret,id=s,file=secret',
    '-o',
    'encrypt.format=aes,encrypt.key-secret=s',
    'disk.qcow2',
    '1M',
  );
  pool.label('disk.qcow2', label);
  await assert.rejects(images.open([imageSpec('disk.qcow2', qcow2)]), { code: 'IMAGE_UNSAFE', message: /encrypted/ });
});

test('a raw image that begins like a qcow2 file is refused, as a guest may have written that', async () => {
  create('disk.raw', '-o', 'compat=1.1');
  await assert.rejects(images.open([imageSpec('disk.raw')]), {
    code: 'IMAGE_UNSAFE',
    message: /begins like a qcow2 file/,
  });
});

test('a raw image is never taken for qcow2', async () => {
  await pool.put('disk.qcow2', Buffer.alloc(4096), label);
  await assert.rejects(images.open([imageSpec('disk.qcow2', qcow2)]), { code: 'IMAGE_UNSAFE', message: /not a qcow2/ });
});
