import { imageName, uuid, vmName } from '../ids.ts';
import { limits } from '../limits.ts';
import {
  branded,
  defaultsTo,
  fields,
  flag,
  integer,
  list,
  maybe,
  oneOf,
  pattern,
  type Shape,
  text,
} from '../schema/schema.ts';

/** One file of the pool that the VM uses. The kernel and the initrd are code the VM runs, so they are images too. */
export const imageSpec = fields({
  name: imageName,
  role: oneOf(['disk', 'kernel', 'initrd']),
  format: oneOf(['raw', 'qcow2']),
  readonly: defaultsTo(flag(), false),
  /** The one backing file this image may name; any other is refused. */
  backing: maybe(imageName),
});
export type ImageSpec = Shape<typeof imageSpec>;

/** A QEMU machine type with its version, so that both ends of a migration have the same board. */
const machineType = branded(
  pattern(/^(?:pc-q35|pc-i440fx)-[0-9]{1,2}\.[0-9]{1,2}$/, 32, 'a versioned machine type such as pc-q35-7.2'),
  'MachineType',
);

export const accelerator = oneOf(['tcg', 'kvm']);
export type Accelerator = Shape<typeof accelerator>;

/** What an operator writes to define a VM. The first disk is the boot disk: its label decides the VM's. */
export const vmSpec = fields({
  name: vmName,
  uuid,
  description: defaultsTo(text(limits.descriptionLength), ''),
  memoryMiB: integer(16, limits.memoryMiB),
  vcpus: defaultsTo(integer(1, limits.vcpus), 1),
  machine: defaultsTo(machineType, 'pc-q35-7.2'),
  /** `auto` takes KVM where it was shown to run a guest, else TCG. */
  accelerator: defaultsTo(oneOf(['auto', 'tcg', 'kvm']), 'auto'),
  images: list(imageSpec, limits.imagesPerVm),
  /** The kernel's command line; only with an image of role `kernel`. */
  commandLine: maybe(text(limits.commandLineLength)),
});
export type VmSpec = Shape<typeof vmSpec>;

/** What a schema cannot say of a spec: one sentence per problem, empty when it is sound. */
export function problemsOf(spec: VmSpec): string[] {
  const problems: string[] = [];
  const count = (role: ImageSpec['role']) => spec.images.filter((image) => image.role === role).length;
  if (count('disk') === 0) problems.push('images: a VM needs a disk, as the boot disk decides its label');
  if (count('kernel') > 1) problems.push('images: at most one kernel');
  if (count('initrd') > 1) problems.push('images: at most one initrd');
  if (count('kernel') === 0 && (count('initrd') > 0 || spec.commandLine !== undefined)) {
    problems.push('images: an initrd or a command line needs a kernel');
  }
  const names = new Set(spec.images.map((image) => image.name));
  if (names.size !== spec.images.length) problems.push('images: every name once');
  for (const { name, role, format, backing } of spec.images) {
    if (backing === undefined) continue;
    if (role !== 'disk' || format !== 'qcow2')
      problems.push(`images: only a qcow2 disk has a backing file, ${name} is not one`);
    // The VM reads its backing file like any other image, so policy is asked about it like about any other.
    if (!spec.images.some((other) => other.name === backing && other.role === 'disk' && other.readonly)) {
      problems.push(
        `images: the backing file ${backing} of ${name} has to be one of the VM's disks, with \`readonly: true\``,
      );
    }
  }
  return problems;
}

/** The disk whose label the VM's label is computed from. */
export function bootDisk(spec: VmSpec): ImageSpec {
  const disk = spec.images.find((image) => image.role === 'disk');
  if (disk === undefined) throw new Error('a VM spec without a disk passed its check');
  return disk;
}
