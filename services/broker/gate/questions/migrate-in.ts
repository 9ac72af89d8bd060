import type { GateAsk } from '../../runtime/ports.ts';
import {
  brokerMayTakeIn,
  clientMay,
  clientMayRelabel,
  clientMayUseImage,
  hostEnforces,
  imageMayBeEntrypoint,
  labelIsValid,
  vmMayPullMemory,
  vmMayRunHere,
} from './common.ts';
import type { HostFacts, Plan } from './question.ts';

type MigrateIn = Extract<GateAsk, { action: 'migrate-in' }>;

/**
 * Migration, the destination's side: the host may send, the client may have the VM here, and the images may become this
 * VM here too. The client is who signed the request, not the source's broker.
 */
export function planMigrateIn({ client, label, peer, images, postcopy = false }: MigrateIn, host: HostFacts): Plan {
  return {
    first: [
      hostEnforces(host),
      {
        kind: 'access',
        why: 'this host may take VMs in from that host',
        source: peer,
        target: host.label,
        tclass: 'vmhost',
        perms: ['accept_from'],
      },
      ...images.map((image) => clientMayUseImage(client, image)),
    ],
    compute: { from: 'carried label', carried: label, peer },
    withLabel: (vm) => [
      labelIsValid(vm),
      ...clientMayRelabel(client, label, vm),
      ...images.map((image) => imageMayBeEntrypoint(image, vm)),
      clientMay(client, vm, 'transition'),
      brokerMayTakeIn(host, vm),
      ...vmMayRunHere(host, vm),
      ...(postcopy ? [vmMayPullMemory(vm)] : []),
    ],
  };
}
