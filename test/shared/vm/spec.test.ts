import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../../shared/schema/schema.ts';
import { bootDisk, problemsOf, vmSpec } from '../../../shared/vm/spec.ts';
import { specOf } from '../../support/values.ts';

const disk = { name: 'a.qcow2', role: 'disk', format: 'qcow2' };
const kernel = { name: 'vmlinuz', role: 'kernel', format: 'raw' };
const withImages = (...images: object[]) => specOf('web1', { images: images as never });

test('a spec takes what is left out from its defaults', () => {
  const { vcpus, machine, accelerator, images } = specOf('web1');
  assert.deepEqual([vcpus, machine, accelerator, images[0]?.readonly], [1, 'pc-q35-7.2', 'auto', false]);
});

test('a spec with a field nobody declared, or a value out of bounds, is refused by name', () => {
  const base = { name: 'web1', uuid: '00000000-0000-4000-8000-000000000001', memoryMiB: 64, images: [disk] };
  const wrong: [object, RegExp][] = [
    [{ ...base, memory: 64 }, /memory/],
    [{ ...base, memoryMiB: 1 }, /memoryMiB/],
    [{ ...base, name: 'Web_1' }, /name: is not a VM name/],
    [{ ...base, name: '../etc' }, /name/],
    [{ ...base, machine: 'pc' }, /machine/],
    [{ ...base, uuid: 'x' }, /uuid/],
    [{ ...base, images: [{ ...disk, name: 'a/b' }] }, /images\.0\.name/],
    [{ ...base, images: [{ ...disk, name: '-drive' }] }, /images\.0\.name/],
    [{ ...base, images: [{ ...disk, format: 'vmdk' }] }, /images\.0\.format/],
    [{ ...base, commandLine: 'a\nb' }, /commandLine: holds control characters/],
  ];
  for (const [spec, problem] of wrong) {
    const checked = check(vmSpec, spec);
    assert.match(checked.ok ? '' : checked.problems.join('\n'), problem);
  }
});

test('what a spec is made of has to fit together', () => {
  const wrong: [ReturnType<typeof specOf>, RegExp][] = [
    [withImages(kernel), /needs a disk/],
    [withImages(disk, kernel, { ...kernel, name: 'other' }), /at most one kernel/],
    [withImages(disk, { ...kernel, role: 'initrd' }), /needs a kernel/],
    [withImages(disk, disk), /every name once/],
    [
      withImages({ ...disk, format: 'raw', backing: 'b.qcow2' }, { ...disk, name: 'b.qcow2', readonly: true }),
      /only a qcow2 disk/,
    ],
    [withImages({ ...disk, backing: 'b.qcow2' }), /b\.qcow2 of a\.qcow2 has to be one of/],
    [
      withImages({ ...disk, backing: 'b.qcow2' }, { ...disk, name: 'b.qcow2' }),
      /b\.qcow2 of a\.qcow2 has to be one of/,
    ],
  ];
  for (const [spec, problem] of wrong) assert.match(problemsOf(spec).join('\n'), problem);
  const sound = withImages({ ...disk, backing: 'b.qcow2' }, { ...disk, name: 'b.qcow2', readonly: true }, kernel);
  assert.deepEqual(problemsOf(sound), []);
  assert.equal(bootDisk(sound).name, 'a.qcow2');
});
