import type { GateAsk } from '../../runtime/ports.ts';
import { clientMay } from './common.ts';
import type { Plan } from './question.ts';

/** Migration, the source's side: the client may move the VM away, and the VM may go to that host. */
export function planMigrateOut({ client, label, peer }: Extract<GateAsk, { action: 'migrate-out' }>): Plan {
  return {
    first: [
      clientMay(client, label, 'migrate_out'),
      {
        kind: 'access',
        why: 'the VM may be sent to that host',
        source: label,
        target: peer,
        tclass: 'vmhost',
        perms: ['send_to'],
      },
    ],
    vm: label,
  };
}
