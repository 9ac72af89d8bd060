import type { GateAsk } from '../../runtime/ports.ts';
import {
  clientMay,
  clientMayUseImage,
  imageMayBeEntrypoint,
  type LabelledImage,
  labelIsValid,
  vmMayRunHere,
} from './common.ts';
import type { HostFacts, Plan } from './question.ts';

/** Start: the client uses the images and brings the VM into a domain that follows from them. */
export function planStart({ client, images }: Extract<GateAsk, { action: 'start' }>, host: HostFacts): Plan {
  return {
    first: images.map((image) => clientMayUseImage(client, image)),
    compute: { from: 'boot disk', client, disk: bootDiskOf(images).label },
    withLabel: (vm) => [
      labelIsValid(vm),
      ...images.map((image) => imageMayBeEntrypoint(image, vm)),
      clientMay(client, vm, 'start', 'transition'),
      ...vmMayRunHere(host, vm),
    ],
  };
}

/** Define: about the label that the VM would have if the client started it. */
export function planDefine({ client, images }: Extract<GateAsk, { action: 'define' }>): Plan {
  return {
    first: [],
    compute: { from: 'boot disk', client, disk: bootDiskOf(images).label },
    withLabel: (vm) => [labelIsValid(vm), clientMay(client, vm, 'define')],
  };
}

function bootDiskOf(images: readonly LabelledImage[]): LabelledImage {
  const disk = images.find(({ spec }) => spec.role === 'disk');
  if (disk === undefined) throw new Error('the VM has no disk that its label could follow from');
  return disk;
}
