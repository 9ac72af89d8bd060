import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpioArchive } from '../../../../services/cli/guest/cpio.ts';
import { dependsOf } from '../../../../services/cli/guest/modules.ts';

const entries = [
  { path: 'bin', mode: 0o755, directory: true as const },
  { path: 'bin/odd', mode: 0o755, data: Buffer.from('12345') },
  { path: 'bin/sh', mode: 0o777, link: 'odd' },
  { path: 'console', mode: 0o600, device: { major: 5, minor: 1 } },
];

test('an archive is headers of 110 bytes, names and data, each padded to four', () => {
  const archive = cpioArchive(entries);
  const names: string[] = [];
  for (let at = 0; at < archive.length; ) {
    assert.equal(at % 4, 0);
    const field = (i: number) => Number.parseInt(archive.toString('latin1', at + 6 + 8 * i, at + 14 + 8 * i), 16);
    assert.equal(archive.toString('latin1', at, at + 6), '070701');
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = archive.toString('latin1', at + 110, at + 110 + nameSize - 1);
    const dataAt = Math.ceil((at + 110 + nameSize) / 4) * 4;
    names.push(
      `${name} ${mode.toString(8)} ${archive.toString('latin1', dataAt, dataAt + size)} ${field(9)}:${field(10)}`,
    );
    at = Math.ceil((dataAt + size) / 4) * 4;
  }
  assert.deepEqual(names, [
    'bin 40755  0:0',
    'bin/odd 100755 12345 0:0',
    'bin/sh 120777 odd 0:0',
    'console 20600  5:1',
    'TRAILER!!! 0  0:0',
  ]);
});

test('equal entries give equal bytes', () => {
  assert.deepEqual(cpioArchive(entries), cpioArchive(entries));
});

test("a module's dependencies are read from the module", () => {
  const module = (info: string) => Buffer.from(`\x7fELF..\0license=GPL\0${info}\0intree=Y\0`);
  assert.deepEqual(dependsOf(module('depends=virtio_ring,virtio-pci')), ['virtio_ring', 'virtio_pci']);
  assert.deepEqual(dependsOf(module('depends=')), []);
  assert.deepEqual(dependsOf(module('x=y')), []);
});
