import type { GateAsk } from '../../runtime/ports.ts';
import {
  brokerMayTakeIn,
  clientMay,
  clientMayRelabel,
  clientMayUseImage,
  hostEnforces,
  imageMayBeEntrypoint,
  labelIsValid,
  vmMayRunHere,
} from './common.ts';
import type { HostFacts, Plan } from './question.ts';

type Restore = Extract<GateAsk, { action: 'restore' }>;

/**
 * Restore: a VM is made of a saved state and of images, so both have to be entrypoints, and the client has to be allowed
 * to read the one and use the others. Whether the carnet is genuine was found out before.
 */
export function planRestore({ client, label, stateLabel, peer, images }: Restore, host: HostFacts): Plan {
  return {
    first: [
      hostEnforces(host),
      {
        kind: 'access',
        why: 'the client may read the saved state',
        source: client,
        target: stateLabel,
        tclass: 'file',
        perms: ['read', 'getattr'],
      },
      ...images.map((image) => clientMayUseImage(client, image)),
    ],
    compute: { from: 'carried label', carried: label, ...(peer === undefined ? {} : { peer }) },
    withLabel: (vm) => [
      labelIsValid(vm),
      ...clientMayRelabel(client, label, vm),
      {
        kind: 'access',
        why: "the saved state may be an entrypoint of the VM's domain",
        source: stateLabel,
        target: vm,
        tclass: 'vm',
        perms: ['entrypoint'],
      },
      ...images.map((image) => imageMayBeEntrypoint(image, vm)),
      clientMay(client, vm, 'restore', 'transition'),
      brokerMayTakeIn(host, vm),
      ...vmMayRunHere(host, vm),
    ],
  };
}
