import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPolicy } from '../../../policy/load.ts';
import { mustLoad } from '../../support/policy/load.ts';
import { type Additions, smallPolicy } from '../../support/policy/small-policy.ts';

const user = 'system_u:user_r:user_t:s0:c0-s1:c0,c1';
const image = 'system_u:object_r:qemu_virtdisk_t:s0:c1-s1:c1,c2';

function transition(add: Additions, tclass = 'vm', name?: string): string {
  const computed = mustLoad(smallPolicy(add)).computeTransition(user, image, tclass, name);
  return computed.ok ? computed.context : computed.reason;
}

describe('a computed context', () => {
  it('of an object has object_r, the type of the target and the low level of the source', () => {
    assert.equal(transition({}), 'system_u:object_r:qemu_virtdisk_t:s0:c0');
  });

  it('of a process has role, type and range of the source', () => {
    assert.equal(transition({}, 'process'), user);
  });

  const ranges: readonly (readonly [string, string])[] = [
    ['source low', 's0:c0'],
    ['source high', 's1:c0,c1'],
    ['source low-high', 's0:c0-s1:c0,c1'],
    ['target low', 's0:c1'],
    ['target high', 's1:c1,c2'],
    ['target low-high', 's0:c1-s1:c1,c2'],
    ['glblub', 's0-s1:c1'],
  ];
  for (const [value, range] of ranges) {
    it(`with default_range ${value} has the range ${range}`, () => {
      const context = transition({ defaults: `default_range vm ${value};` });
      assert.equal(context, `system_u:object_r:qemu_virtdisk_t:${range}`);
    });
  }

  it('is as before for classes declared before one that has the rule already, as with libsepol', () => {
    const rules = 'type_transition user_t disk:vm user_t;\ntype_transition user_t disk:{ file vm } user_t;';
    assert.equal(transition({ rules }, 'file'), 'system_u:object_r:qemu_virtdisk_t:s0:c0');
    assert.equal(transition({ rules }), 'system_u:object_r:user_t:s0:c0');
    const loaded = loadPolicy(smallPolicy({ rules }));
    assert.match(loaded.ok ? (loaded.warnings[0]?.message ?? '') : '', /those declared before it are left out/);
    const twice = loadPolicy(smallPolicy({ rules: 'type_change user_t disk:vm user_t;'.repeat(2) }));
    assert.deepEqual(twice.ok && twice.warnings, []);
  });

  it('takes a range transition before the default', () => {
    const add = { defaults: 'default_range vm target low;', rules: 'range_transition user_t disk:vm s1:c3;' };
    assert.equal(transition(add), 'system_u:object_r:qemu_virtdisk_t:s1:c3');
  });

  it('takes a role transition before the default role', () => {
    const add = {
      defaults: 'default_role vm source;',
      rules: 'role_transition user_r disk:vm system_r; type_transition user_t disk:vm kernel_t;',
    };
    assert.equal(transition(add), 'system_u:system_r:kernel_t:s0:c0');
  });

  it('that is not valid is refused, not replaced', () => {
    const add = { defaults: 'default_role vm source;', rules: 'type_transition user_t disk:vm kernel_t;' };
    assert.equal(transition(add), 'INVALID_RESULT');
  });

  it('of ranges that have nothing in common is refused', () => {
    const policy = mustLoad(smallPolicy({ defaults: 'default_range vm glblub;' }));
    const low = 'system_u:object_r:other_t:s0';
    assert.deepEqual(policy.computeTransition(low, 'system_u:object_r:other_t:s1', 'vm'), {
      ok: false,
      reason: 'INVALID_RESULT',
    });
  });

  it('follows a rule with a file name only when that name is given', () => {
    const rules = 'type_transition user_t disk:vm vm_user_t "boot"; type_transition user_t disk:vm other_t;';
    assert.equal(transition({ rules }), 'system_u:object_r:other_t:s0:c0');
    assert.equal(transition({ rules }, 'vm', 'boot'), 'system_u:object_r:vm_user_t:s0:c0');
    assert.equal(transition({ rules }, 'vm', 'other'), 'system_u:object_r:other_t:s0:c0');
  });

  it('follows the branch that the booleans choose', () => {
    const rules = 'if (on) { type_member user_t disk:vm other_t; } else { type_member user_t disk:vm vm_user_t; }';
    const policy = mustLoad(smallPolicy({ rules }));
    const member = (one: typeof policy) => one.computeMember(user, image, 'vm');
    assert.match(JSON.stringify(member(policy)), /other_t/);
    assert.match(JSON.stringify(member(policy.withBooleans({ on: false }, 2))), /vm_user_t/);
  });

  it('of a socket follows the process in the kernel, and not in libsepol', () => {
    const add = { classes: 'class tcp_socket', access: 'class tcp_socket { bind }' };
    const ask = (flavour: 'kernel' | 'libsepol') =>
      mustLoad(smallPolicy(add), { flavour }).computeTransition(user, image, 'tcp_socket');
    assert.deepEqual(ask('kernel'), { ok: true, context: user });
    assert.deepEqual(ask('libsepol'), { ok: true, context: 'system_u:object_r:qemu_virtdisk_t:s0:c0' });
  });

  it('says which input is wrong', () => {
    const policy = mustLoad(smallPolicy());
    assert.deepEqual(policy.computeChange('x', image, 'vm'), { ok: false, reason: 'INVALID_SOURCE' });
    assert.deepEqual(policy.computeChange(user, 'x', 'vm'), { ok: false, reason: 'INVALID_TARGET' });
    assert.deepEqual(policy.computeChange(user, image, 'x'), { ok: false, reason: 'UNKNOWN_CLASS' });
  });

  it('can be told from one that no rule asked for', () => {
    const policy = mustLoad(
      smallPolicy({
        rules:
          'type_change user_t disk:vm vm_user_t; if (off) { type_member user_t disk:vm other_t; } type_transition user_t disk:file other_t "n";',
      }),
    );
    assert.equal(policy.hasTypeRule('type_change', user, image, 'vm'), true);
    assert.equal(policy.hasTypeRule('type_transition', user, image, 'vm'), false);
    assert.equal(policy.hasTypeRule('type_transition', user, image, 'file'), true);
    assert.equal(policy.hasTypeRule('type_member', user, image, 'vm'), false);
    assert.equal(policy.withBooleans({ off: true }, 2).hasTypeRule('type_member', user, image, 'vm'), true);
  });
});
