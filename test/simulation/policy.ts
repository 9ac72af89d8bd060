import type { Gate, GateAsk } from '../../services/broker/runtime/ports.ts';
import type { Label } from '../../shared/label/label.ts';
import type { Decision } from '../../shared/vm/decision.ts';
import { labelOf } from '../support/values.ts';
import type { Chances } from './chances.ts';
import type { Truth } from './truth.ts';

/** A host's policy, of which only the answers matter. */
export interface SimPolicy {
  /** Actions that are refused. */
  readonly refused: Set<GateAsk['action']>;
  seqno: number;
  /** Whether the host's map has the other hosts. */
  knowsHosts: boolean;
  /** The label a VM gets when it is started. */
  startLabel: Label;
}

export const vmLabel = labelOf('system_u:system_r:vm_user_t:s0');
export const otherLabel = labelOf('system_u:system_r:vm_other_t:s0');
export const policyDigest = '0'.repeat(64);

export const createPolicy = (): SimPolicy => ({ refused: new Set(), seqno: 1, knowsHosts: true, startLabel: vmLabel });

/** A gate that asks that policy, and has every decision on record before it answers. */
export function createSimGate(
  host: string,
  policy: SimPolicy,
  truth: Truth,
  chances: Chances,
  nowMs: () => number,
): Gate {
  return {
    decide: (ask, moment, about) =>
      chances.later(() => {
        const carried = 'label' in ask ? ask.label : vmLabel;
        const label = ask.action === 'start' || ask.action === 'define' ? policy.startLabel : carried;
        const decision: Decision = {
          outcome: policy.refused.has(ask.action) ? 'refused' : 'allowed',
          moment,
          action: ask.action,
          label,
          questions: [],
          policy: { digest: policyDigest, seqno: policy.seqno, enforcing: true },
          host,
          decidedAtMs: nowMs(),
        };
        truth.decided(host, decision, about);
        return decision;
      }),
    stateLabel: (label) => label,
  };
}
