import { check } from '../../../../shared/schema/schema.ts';
import { type Decision, decision } from '../../../../shared/vm/decision.ts';

/** The statement that a refused decision of these tests misses. */
export const missingRule = 'allow monitor_t vm_web_t:vm { save };';

/** A whole decision on a save: one question that was answered yes, and one that was answered as the outcome says. */
export function aDecision(outcome: Decision['outcome'], host = 'alpha'): Decision {
  const rule = { text: 'allow broker_t vm_state_t:file { create write };', file: 'hosts.te', line: 12 };
  const checked = check(decision, {
    outcome,
    moment: 'request',
    action: 'save',
    questions: [
      {
        kind: 'access',
        why: 'the broker may write the saved state',
        asked: 'system_u:system_r:broker_t system_u:object_r:vm_state_t:file { create write }',
        allowed: true,
        rules: [rule],
      },
      {
        kind: 'access',
        why: 'the client may save the VM',
        asked: 'user_u:user_r:monitor_t system_u:system_r:vm_web_t:vm { save }',
        allowed: outcome === 'allowed',
        rules: outcome === 'allowed' ? [rule] : [],
        ...(outcome === 'allowed' ? {} : { reason: 'TE', missing: missingRule }),
      },
    ],
    policy: { digest: 'ab'.repeat(32), seqno: 3, enforcing: true },
    host,
    decidedAtMs: 1_700_000_000_000,
  });
  if (!checked.ok) throw new Error(checked.problems.join('; '));
  return checked.value;
}
