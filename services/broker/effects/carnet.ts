import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { HostName } from '../../../shared/ids.ts';
import type { Carnet, Manifest } from '../../../shared/vm/carnet.ts';
import type { ImageSpec } from '../../../shared/vm/spec.ts';
import { carnetImageOf, type OpenImages } from '../runtime/ports.ts';
import type { VmEntry } from '../vms/vms.ts';

/** Makes the carnet of a VM that runs here: its spec and label, and its images as this host sees them. */
export function carnetOf(host: HostName, entry: VmEntry, { images }: OpenImages, policyDigest: string): Carnet {
  if (entry.accelerator === null) {
    throw new BrokerError('VM_STATE', `${entry.spec.name} has never been started`);
  }
  return {
    version: 1,
    spec: entry.spec,
    label: entry.label,
    images: images.map(carnetImageOf),
    accelerator: entry.accelerator,
    host,
    epoch: entry.epoch,
    policyDigest,
  };
}

/** IMAGE_MISMATCH where an image opened here is not the file the carnet describes. Shared storage is known by its pool's id. */
export function checkImages(carnet: Carnet, { images }: OpenImages): void {
  for (const described of carnet.images) {
    const found = images.find((image) => image.spec.name === described.spec.name);
    if (found === undefined) throw new BrokerError('IMAGE_MISMATCH', `${described.spec.name} was not opened`);
    if (found.pool !== described.pool) {
      throw new BrokerError('IMAGE_MISMATCH', `${described.spec.name} is in another pool here`, {
        hint: 'both hosts must mount the same storage as their pool',
      });
    }
    if (found.sizeBytes !== described.sizeBytes && described.spec.readonly) {
      throw new BrokerError(
        'IMAGE_MISMATCH',
        `${described.spec.name} has ${found.sizeBytes} bytes here, not ${described.sizeBytes}`,
      );
    }
  }
}

/** The images of a VM that were not saved with it, as the guest cannot write them: a restore takes them from the pool. */
export const notSaved = ({ carnet, disks }: Manifest): ImageSpec[] =>
  carnet.spec.images.filter(({ name }) => !disks.some(({ spec }) => spec.name === name));
