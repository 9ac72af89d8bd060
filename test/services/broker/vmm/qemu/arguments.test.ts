import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Launch, OpenImage, Origin } from '../../../../../services/broker/runtime/ports.ts';
import { commandOf, planOf } from '../../../../../services/broker/vmm/qemu/arguments.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';
import type { ImageSpec, VmSpec } from '../../../../../shared/vm/spec.ts';
import { specOf, testLabel } from '../../../../support/guest.ts';

type Fields = Parameters<typeof specOf>[0];

/** A launch whose images have the descriptors 100 and 101, 102 and 103, and so on. */
function launchOf(fields: Fields = {}, origin: Origin = { kind: 'boot' }): Launch {
  const spec = specOf(fields);
  return { spec, accelerator: 'tcg', label: testLabel, images: { images: imagesOf(spec), close() {} }, origin };
}
const imagesOf = (spec: VmSpec): OpenImage[] =>
  spec.images.map((image: ImageSpec, i) => {
    const fds = { fd: 100 + 2 * i, readOnlyFd: 101 + 2 * i };
    return { spec: image, label: testLabel, sizeBytes: 0, pool: 'pool', ...fds };
  });

const plan = (launch: Launch, qmpPath = '/run/qmp') => planOf(launch, { qmpPath, consoleFd: 99 });
const valuesOf = (argv: readonly string[], option: string) => argv.filter((_, i) => argv[i - 1] === option);
const jsonOf = (argv: readonly string[], option: string) => valuesOf(argv, option).map((text) => JSON.parse(text));

test('a VM with a disk and a kernel, option by option', () => {
  const images = [
    { name: 'root.qcow2', role: 'disk', format: 'qcow2' },
    { name: 'vmlinuz', role: 'kernel', format: 'raw', readonly: true },
    { name: 'initrd', role: 'initrd', format: 'raw', readonly: true },
  ];
  const { argv, inherit, disks } = plan(launchOf({ images, commandLine: 'quiet panic=-1' }));
  assert.deepEqual(inherit, [99, 100, 101, 103, 105]);
  assert.equal(
    argv.join('\n'),
    [
      '-nodefaults\n-no-user-config\n-S\n-no-shutdown',
      '-name\nguest=vm1',
      '-uuid\n7c4d54b0-5c4f-4a63-9c43-0d3f2c1f9a01',
      '-machine\npc-q35-7.2,memory-backend=pc.ram,usb=off',
      '-accel\ntcg,thread=multi',
      '-cpu\nqemu64',
      '-smp\ncpus=1',
      '-m\nsize=64M',
      '-object\n{"qom-type":"memory-backend-ram","id":"pc.ram","size":67108864,"x-use-canonical-path-for-ramblock-id":false}',
      '-display\nnone\n-vga\nnone',
      '-chardev\nsocket,id=qmp,path=/run/qmp,server=on,wait=off',
      '-mon\nchardev=qmp,mode=control',
      '-add-fd\nfd=3,set=1\n-chardev\nfile,id=console,path=/dev/fdset/1,append=on\n-serial\nchardev:console',
      '-add-fd\nfd=4,set=2\n-add-fd\nfd=5,set=2',
      '-blockdev\n{"driver":"file","node-name":"disk0-file","filename":"/dev/fdset/2","read-only":false,"locking":"on"}',
      '-blockdev\n{"driver":"qcow2","node-name":"disk0","file":"disk0-file","read-only":false,"backing":null}',
      '-device\n{"driver":"virtio-blk-pci","id":"disk0-device","drive":"disk0","bus":"pcie.0","addr":"0x4","disable-legacy":"on","bootindex":1}',
      '-kernel\n/proc/self/fd/6\n-initrd\n/proc/self/fd/7\n-append\nquiet panic=-1',
      '-sandbox\non,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
      '-msg\ntimestamp=on',
    ].join('\n'),
  );
  assert.deepEqual(disks, [{ image: 'root.qcow2', format: 'qcow2', node: 'disk0', readonly: false, backed: false }]);
});

test('no name or path becomes an option of its own', () => {
  const launch = launchOf();
  const spec = { ...launch.spec, name: 'vm,debug-threads=on', machine: 'pc,accel=kvm', commandLine: '-daemonize,x' };
  const { argv } = plan({ ...launch, spec: spec as VmSpec }, '/run/a,server=off/qmp');
  assert.deepEqual(valuesOf(argv, '-name'), ['guest=vm,,debug-threads=on']);
  assert.match(valuesOf(argv, '-machine').join(), /^pc,,accel=kvm,memory-backend=/);
  assert.match(valuesOf(argv, '-chardev')[0] ?? '', /path=\/run\/a,,server=off\/qmp,server=on/);
  assert.ok(!argv.includes('-daemonize'));
});

test('no image is named by its name or by a path', () => {
  const images = [
    { name: 'secret-disk', role: 'disk', format: 'raw' },
    { name: 'secret-kernel', role: 'kernel', format: 'raw' },
  ];
  assert.ok(!plan(launchOf({ images })).argv.join('\n').includes('secret'));
});

test('a read-only disk is passed by its read-only descriptor alone', () => {
  const images = [{ name: 'root', role: 'disk', format: 'raw', readonly: true }];
  const { argv, inherit } = plan(launchOf({ images }));
  assert.deepEqual(inherit, [99, 101]);
  assert.ok(jsonOf(argv, '-blockdev').every((node) => node['read-only'] === true));
});

test('a declared backing file is opened explicitly and is no disk of its own', () => {
  const images = [
    { name: 'top.qcow2', role: 'disk', format: 'qcow2', backing: 'base.qcow2' },
    { name: 'base.qcow2', role: 'disk', format: 'qcow2', readonly: true },
  ];
  const { argv, disks } = plan(launchOf({ images }));
  const [, baseFile, base, top] = jsonOf(argv, '-blockdev');
  assert.equal(baseFile['read-only'], true);
  assert.deepEqual(base, {
    driver: 'qcow2',
    'node-name': 'disk0-backing',
    file: 'disk0-backing-file',
    'read-only': true,
    backing: null,
  });
  assert.equal(top.backing, 'disk0-backing');
  assert.equal(jsonOf(argv, '-device').length, 1);
  assert.deepEqual(
    disks.map(({ image, backed }) => [image, backed]),
    [['top.qcow2', true]],
  );
});

for (const [what, base] of Object.entries({
  'that is not there': undefined,
  'that is writable': { name: 'base.qcow2', role: 'disk', format: 'raw' },
  'with a backing file': { name: 'base.qcow2', role: 'disk', format: 'qcow2', readonly: true, backing: 'other' },
})) {
  test(`a backing file ${what} is unsafe`, () => {
    const top = { name: 'top.qcow2', role: 'disk', format: 'qcow2', backing: 'base.qcow2' };
    const images = base === undefined ? [top] : [top, base];
    const unsafe = (error: unknown) => error instanceof BrokerError && error.code === 'IMAGE_UNSAFE';
    assert.throws(() => plan(launchOf({ images })), unsafe);
  });
}

test('a restore maps the memory file privately and waits for its devices', () => {
  const { argv, inherit, devicesFd } = plan(launchOf({}, { kind: 'restore', memoryFd: 70, devicesFd: 71 }));
  assert.deepEqual(inherit.slice(0, 2), [70, 71]);
  assert.equal(devicesFd, 4);
  const [memory] = jsonOf(argv, '-object');
  assert.deepEqual(
    [memory['qom-type'], memory.share, memory['mem-path'], memory.id],
    ['memory-backend-file', false, '/proc/self/fd/3', 'pc.ram'],
  );
  assert.deepEqual(valuesOf(argv, '-incoming'), ['defer']);
});

test('every QEMU starts paused, and one that receives waits to be told', () => {
  for (const origin of [{ kind: 'boot' }, { kind: 'incoming' }] as const) {
    const { argv } = plan(launchOf({}, origin));
    assert.ok(argv.includes('-S'));
    assert.deepEqual(valuesOf(argv, '-incoming'), origin.kind === 'boot' ? [] : ['defer']);
  }
});

test('both ends of a migration have the same devices at the same addresses', () => {
  const devices = (origin: Origin) => jsonOf(plan(launchOf({}, origin)).argv, '-device');
  assert.deepEqual(devices({ kind: 'boot' }), devices({ kind: 'restore', memoryFd: 1, devicesFd: 2 }));
});

test('where the host runs SELinux QEMU is started in the domain of the label, and elsewhere by itself', () => {
  const binary = 'qemu-system-x86_64';
  assert.deepEqual(commandOf({ binary, confined: true }, testLabel, ['-S']), {
    command: 'runcon',
    args: [testLabel, binary, '-S'],
  });
  assert.deepEqual(commandOf({ binary, confined: false }, testLabel, ['-S']), { command: binary, args: ['-S'] });
});
