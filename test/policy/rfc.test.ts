import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rfcRules } from '../support/policy/hand-written.ts';
import { mustLoad } from '../support/policy/load.ts';
import { smallPolicy } from '../support/policy/small-policy.ts';

const policy = mustLoad(smallPolicy({ rules: `#line 1 "rfc.te"\n${rfcRules}` }));
const user = 'user_u:user_r:user_t:s0';
const image = 'system_u:object_r:qemu_virtdisk_t:s0:c1,c2';

describe('the three rules of the RFC give its three answers', () => {
  it('the user may read the image, by the first rule', () => {
    const { allowed, granting } = policy.explain(user, image, 'file', 'read');
    assert.equal(allowed, true);
    assert.deepEqual(granting, [
      { file: 'rfc.te', line: 1, text: 'allow user_t qemu_virtdisk_t:file { read getattr };' },
    ]);
  });

  it('the virtual machine gets type vm_user_t, by the second rule', () => {
    assert.deepEqual(policy.computeChange(user, image, 'vm'), {
      ok: true,
      context: 'user_u:object_r:vm_user_t:s0',
      rule: { file: 'rfc.te', line: 2, text: 'type_change user_t qemu_virtdisk_t:vm vm_user_t;' },
    });
  });

  it('the image may be an entrypoint of that domain, by the third rule', () => {
    const domain = 'user_u:user_r:vm_user_t:s0';
    assert.deepEqual(policy.computeAv(image, domain, 'vm').allowed, ['entrypoint']);
    assert.equal(policy.explain(image, domain, 'vm', 'entrypoint').granting[0]?.line, 3);
  });

  it('without the third rule the answer names it', () => {
    const two = mustLoad(smallPolicy({ rules: rfcRules.split('\n').slice(0, 2).join('\n') }));
    assert.deepEqual(two.explain(image, 'user_u:user_r:vm_user_t:s0', 'vm', 'entrypoint'), {
      allowed: false,
      granting: [],
      reason: 'TE',
      missing: 'allow qemu_virtdisk_t vm_user_t:vm entrypoint;',
    });
  });
});
