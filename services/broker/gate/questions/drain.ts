import type { GateAsk } from '../../runtime/ports.ts';
import type { HostFacts, Plan } from './question.ts';

/** Drain and undrain: C→L vmhost{drain}. There is no VM in the question. */
export function planDrain({ client }: Extract<GateAsk, { action: 'drain' }>, host: HostFacts): Plan {
  return {
    first: [
      {
        kind: 'access',
        why: 'the client may have this host drained',
        source: client,
        target: host.label,
        tclass: 'vmhost',
        perms: ['drain'],
      },
    ],
  };
}
