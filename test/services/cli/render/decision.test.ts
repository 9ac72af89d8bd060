import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderDecision } from '../../../../services/cli/render/decision.ts';
import { coloured, plain } from '../../../../services/cli/render/style.ts';
import { decisionOf, labelOf } from '../../../support/values.ts';

const grantedBy = { text: 'allow carnet_operator_t vm_domain:vm { start };', file: 'modules/clients.te', line: 12 };
const refusal = decisionOf('refused', {
  action: 'migrate-in',
  moment: 'offer',
  host: 'gamma',
  label: labelOf('operator_u:operator_r:vm_user_t:s0:c1'),
  questions: [
    {
      kind: 'access',
      why: 'the client may start a VM of this label',
      asked: 'o_u:o_r:carnet_operator_t:s0 o_u:o_r:vm_user_t:s0:c1:vm { start }',
      allowed: true,
      rules: [grantedBy, { ...grantedBy, line: 13 }, { ...grantedBy, line: 14 }],
    },
    {
      kind: 'compute',
      why: 'the label follows from the disk',
      asked: 'type_transition carnet_operator_t qemu_virtdisk_t:vm',
      allowed: true,
      result: labelOf('operator_u:operator_r:vm_user_t:s0:c1'),
      rules: [],
    },
    {
      kind: 'access',
      why: 'the image may be an entrypoint of the domain',
      asked: 's_u:o_r:qemu_virtdisk_t:s0 o_u:o_r:vm_user_t:s0:c1:vm { entrypoint }',
      allowed: false,
      reason: 'TE',
      rules: [],
      missing: 'allow qemu_virtdisk_t vm_user_t:vm entrypoint;',
    },
    {
      kind: 'access',
      why: 'the client is cleared for it',
      asked: 'o_u:o_r:carnet_operator_t:s0 o_u:o_r:vm_user_t:s0:c1:vm { restore }',
      allowed: false,
      reason: 'CONS',
      rules: [],
      blocking: { text: 'mlsconstrain vm { restore } ( h1 dom h2 );', file: 'base/5-mls.te', line: 20 },
      values: 'h1 dom h2 (s0, s0:c1: false)',
    },
  ],
});

test('a refusal is shown with its questions, the rules that granted and the rule that is missing', () => {
  assert.equal(
    renderDecision(refusal, plain),
    `refused: migrate-in on gamma as operator_u:operator_r:vm_user_t:s0:c1, at the offer (policy 000000000000, seqno 1)
  ✓ o_u:o_r:carnet_operator_t:s0 o_u:o_r:vm_user_t:s0:c1:vm { start }
      the client may start a VM of this label
      allow carnet_operator_t vm_domain:vm { start };  modules/clients.te:12
      allow carnet_operator_t vm_domain:vm { start };  modules/clients.te:13
      and 1 more rule
  ✓ type_transition carnet_operator_t qemu_virtdisk_t:vm  → operator_u:operator_r:vm_user_t:s0:c1
      the label follows from the disk
  ✗ s_u:o_r:qemu_virtdisk_t:s0 o_u:o_r:vm_user_t:s0:c1:vm { entrypoint }  [TE]
      the image may be an entrypoint of the domain
      missing: allow qemu_virtdisk_t vm_user_t:vm entrypoint;
  ✗ o_u:o_r:carnet_operator_t:s0 o_u:o_r:vm_user_t:s0:c1:vm { restore }  [CONS]
      the client is cleared for it
      stands in the way: mlsconstrain vm { restore } ( h1 dom h2 );  base/5-mls.te:20
      here: h1 dom h2 (s0, s0:c1: false)
`,
  );
});

test('colour adds nothing that the plain text does not say', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this takes away
  const stripped = renderDecision(refusal, coloured).replace(/\u001b\[[0-9;]*m/g, '');
  assert.equal(stripped, renderDecision(refusal, plain));
});

test('a permissive host is said to be one', () => {
  const decision = decisionOf('allowed', { policy: { digest: 'ab'.repeat(32), seqno: 7, enforcing: false } });
  assert.match(renderDecision(decision, plain), /seqno 7, permissive\)/);
});
