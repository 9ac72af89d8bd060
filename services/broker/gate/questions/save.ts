import type { GateAsk } from '../../runtime/ports.ts';
import { clientMay } from './common.ts';
import type { HostFacts, Plan } from './question.ts';

/** Save and checkpoint: the client may, and the broker may write a file of the label that saved state gets. */
export function planSave({ client, label }: Extract<GateAsk, { action: 'save' }>, host: HostFacts): Plan {
  return {
    first: [clientMay(client, label, 'save')],
    compute: { from: 'store', vm: label, store: host.store },
    withLabel: (state) => [
      {
        kind: 'access',
        why: 'the broker may write the saved state',
        source: host.label,
        target: state,
        tclass: 'file',
        perms: ['create', 'write'],
      },
    ],
    vm: label,
  };
}
