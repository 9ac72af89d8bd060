import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Label } from '../../../../shared/label/label.ts';
import type { Launch, OpenImage } from '../../runtime/ports.ts';
import type { RecordedDisk } from './record.ts';

/** Everything but the launch itself that the command line is made of. */
export interface Surroundings {
  readonly qmpPath: string;
  /** Open for appending: the guest's serial console, which has to go on when the broker does not. */
  readonly consoleFd: number;
}

/** A QEMU that is ready to be spawned. */
export interface Plan {
  readonly argv: readonly string[];
  /** The broker's descriptors, in the order QEMU gets them in, from its number 3 on. */
  readonly inherit: readonly number[];
  readonly disks: readonly RecordedDisk[];
  /** In QEMU's numbering; only for a restore. */
  readonly devicesFd?: number;
}

/** QEMU's first descriptor after the standard three. */
const firstFd = 3;
/** The first PCI slot of the disks: below are the host bridge and what the board itself puts there. */
const firstSlot = 4;
/** A model both accelerators and every QEMU know, without features of the host: what a migration needs. */
const cpuModel = 'qemu64';
/** The memory's name is part of the migration stream: both ends and every restore use the same. */
export const memoryBlock = 'pc.ram';

/**
 * The command line of a launch. Pure: nothing is opened here, and images are only ever named by inherited descriptors.
 * What could hold a comma is escaped or given as JSON or as an argument of its own, so that no value becomes an option.
 * Throws IMAGE_UNSAFE for a backing file that was declared but not opened read-only with the rest.
 */
export function planOf(launch: Launch, around: Surroundings): Plan {
  const inherit: number[] = [];
  const pass = (fd: number): number => firstFd + inherit.push(fd) - 1;
  const { spec, origin } = launch;
  const memoryBytes = spec.memoryMiB * 1024 * 1024;
  const memory =
    origin.kind === 'restore'
      ? { 'qom-type': 'memory-backend-file', share: false, 'mem-path': `/proc/self/fd/${pass(origin.memoryFd)}` }
      : { 'qom-type': 'memory-backend-ram' };
  const devicesFd = origin.kind === 'restore' ? pass(origin.devicesFd) : undefined;
  const consoleFd = pass(around.consoleFd);
  const drives = drivesOf(launch, pass);
  const argv = [
    ...['-nodefaults', '-no-user-config', '-S', '-no-shutdown'],
    ...['-name', `guest=${escaped(spec.name)}`],
    ...['-uuid', spec.uuid],
    ...['-machine', `${escaped(spec.machine)},memory-backend=${memoryBlock},usb=off`],
    ...['-accel', launch.accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm'],
    ...['-cpu', cpuModel],
    ...['-smp', `cpus=${spec.vcpus}`],
    ...['-m', `size=${spec.memoryMiB}M`],
    ...['-object', json({ ...memory, id: memoryBlock, size: memoryBytes, ...plainName })],
    ...['-display', 'none', '-vga', 'none'],
    ...['-chardev', `socket,id=qmp,path=${escaped(around.qmpPath)},server=on,wait=off`],
    ...['-mon', 'chardev=qmp,mode=control'],
    ...['-add-fd', `fd=${consoleFd},set=1`],
    ...['-chardev', 'file,id=console,path=/dev/fdset/1,append=on'],
    ...['-serial', 'chardev:console'],
    ...drives.argv,
    ...codeOf(launch, pass),
    ...(origin.kind === 'boot' ? [] : ['-incoming', 'defer']),
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-msg', 'timestamp=on'],
  ];
  return { argv, inherit, disks: drives.disks, ...(devicesFd === undefined ? {} : { devicesFd }) };
}

/** Without it QEMU would name the memory by its whole path in the stream. */
const plainName = { 'x-use-canonical-path-for-ramblock-id': false };

function drivesOf(launch: Launch, pass: (fd: number) => number): { argv: string[]; disks: RecordedDisk[] } {
  const images = launch.images.images.filter((image) => image.spec.role === 'disk');
  const backings = new Set(images.map((image) => image.spec.backing));
  const bus = launch.spec.machine.startsWith('pc-q35-') ? 'pcie.0' : 'pci.0';
  const argv: string[] = [];
  const disks: RecordedDisk[] = [];
  let set = 1;
  for (const image of images.filter(({ spec }) => !backings.has(spec.name))) {
    const node = `disk${disks.length}`;
    const { readonly, format } = image.spec;
    argv.push(...fileNode(image, `${node}-file`, ++set, readonly, pass));
    const backing = image.spec.backing === undefined ? undefined : backingOf(image, images);
    if (backing !== undefined) {
      argv.push(...fileNode(backing, `${node}-backing-file`, ++set, true, pass));
      argv.push(...formatNode(backing.spec.format, `${node}-backing`, true));
    }
    argv.push(...formatNode(format, node, readonly, backing === undefined ? null : `${node}-backing`));
    const address = `0x${(firstSlot + disks.length).toString(16)}`;
    const device = { driver: 'virtio-blk-pci', id: `${node}-device`, drive: node, bus, addr: address };
    argv.push('-device', json({ ...device, 'disable-legacy': 'on', bootindex: disks.length + 1 }));
    disks.push({ image: image.spec.name, format, node, readonly, backed: backing !== undefined });
  }
  return { argv, disks };
}

/** The descriptors of one file, in a set of their own, and the node on top of them. */
function fileNode(image: OpenImage, node: string, set: number, readonly: boolean, pass: (fd: number) => number) {
  const fds = readonly ? [image.readOnlyFd] : [image.fd, image.readOnlyFd];
  const file = {
    driver: 'file',
    'node-name': node,
    filename: `/dev/fdset/${set}`,
    'read-only': readonly,
    locking: 'on',
  };
  return [...fds.flatMap((fd) => ['-add-fd', `fd=${pass(fd)},set=${set}`]), '-blockdev', json(file)];
}

/** The format is always said, never probed; a qcow2 without a declared backing file has none, whatever its header says. */
function formatNode(format: 'raw' | 'qcow2', node: string, readonly: boolean, backing: string | null = null) {
  const common = { driver: format, 'node-name': node, file: `${node}-file`, 'read-only': readonly };
  return ['-blockdev', json(format === 'qcow2' ? { ...common, backing } : common)];
}

function backingOf(image: OpenImage, images: readonly OpenImage[]): OpenImage {
  const found = images.find(({ spec }) => spec.name === image.spec.backing);
  if (found?.spec.readonly && found.spec.backing === undefined) return found;
  throw new BrokerError(
    'IMAGE_UNSAFE',
    `the backing file of ${image.spec.name} has to be an image of the VM, read-only and without a backing file`,
  );
}

function codeOf(launch: Launch, pass: (fd: number) => number): string[] {
  const pathOf = (role: 'kernel' | 'initrd') => {
    const image = launch.images.images.find(({ spec }) => spec.role === role);
    return image === undefined ? [] : [`-${role}`, `/proc/self/fd/${pass(image.readOnlyFd)}`];
  };
  const { commandLine } = launch.spec;
  return [...pathOf('kernel'), ...pathOf('initrd'), ...(commandLine === undefined ? [] : ['-append', commandLine])];
}

/** QEMU's option lists take a comma that belongs to a value twice. */
export const escaped = (value: string): string => value.replaceAll(',', ',,');
const json = (value: unknown): string => JSON.stringify(value);

/** What is executed: QEMU by itself, or, where the host runs SELinux, QEMU in the domain of the VM's label. */
export function commandOf(
  { binary, confined }: { readonly binary: string; readonly confined: boolean },
  label: Label,
  argv: readonly string[],
): { command: string; args: string[] } {
  return confined ? { command: 'runcon', args: [label, binary, ...argv] } : { command: binary, args: [...argv] };
}
