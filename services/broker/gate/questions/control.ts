import type { GateAsk } from '../../runtime/ports.ts';
import { clientMay, labelIsValid } from './common.ts';
import type { Plan } from './question.ts';

type Control = Extract<GateAsk, { action: 'delete' | 'stop' | 'suspend' | 'resume' | 'monitor' | 'recover' }>;

/** Stop, suspend, resume, monitor, delete, recover: the permission has the action's name. */
export function planControl({ action, client, label }: Control): Plan {
  return { first: [labelIsValid(label), clientMay(client, label, action)], vm: label };
}
