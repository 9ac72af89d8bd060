import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mustLoad } from '../../support/policy/load.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const user = 'system_u:user_r:user_t:s0:c0-s1:c0,c1';
const disk = 'user_u:object_r:qemu_virtdisk_t:s0:c1-s1:c1,c2';
const text = smallPolicy({
  classes: 'class tcp_socket\nclass socket\nclass my_socket',
  access: 'class tcp_socket { bind }\nclass socket { bind }\nclass my_socket { bind }',
  rules:
    'type_change user_t disk:socket vm_user_t; type_transition user_t disk:file other_t "boot"; permissive user_t;',
});
const both = { libsepol: mustLoad(text, { flavour: 'libsepol' }), kernel: mustLoad(text, { flavour: 'kernel' }) };
type Ask = 'computeTransition' | 'computeChange' | 'computeMember';

/** What each of the two answers. */
function ask(question: Ask, tclass: string): [libsepol: string, kernel: string] {
  const [libsepol, kernel] = [both.libsepol, both.kernel].map((policy) => {
    const computed = policy[question](user, disk, tclass);
    return computed.ok ? computed.context : computed.reason;
  });
  return [libsepol ?? '', kernel ?? ''];
}

describe('the flavour of a policy', () => {
  const object = 'system_u:object_r:qemu_virtdisk_t:s0:c0';

  it('decides whether a new socket follows the process: role, type and range', () => {
    assert.deepEqual(ask('computeTransition', 'tcp_socket'), [object, user]);
    assert.deepEqual(ask('computeTransition', 'socket'), [object, user]);
  });

  it('decides it for a relabelled one too, rules for the type aside', () => {
    assert.deepEqual(ask('computeChange', 'tcp_socket'), [object, user]);
    assert.deepEqual(ask('computeChange', 'socket'), [
      'system_u:object_r:vm_user_t:s0:c0',
      'system_u:user_r:vm_user_t:s0:c0-s1:c0,c1',
    ]);
  });

  it('decides role and type of a member, whose range is always low and whose user the target’s', () => {
    assert.deepEqual(ask('computeMember', 'tcp_socket'), [
      'user_u:object_r:qemu_virtdisk_t:s0:c0',
      'user_u:user_r:user_t:s0:c0',
    ]);
  });

  it('makes no difference to a class that has the name of a socket and is none of the kernel’s', () => {
    assert.deepEqual(ask('computeTransition', 'my_socket'), [object, object]);
  });

  it('makes no difference to processes and files', () => {
    assert.deepEqual(ask('computeTransition', 'process'), [user, user]);
    assert.deepEqual(ask('computeTransition', 'file'), [object, object]);
  });

  it('makes no difference to what the kernel alone answers: file names and the permissive flag', () => {
    for (const policy of [both.libsepol, both.kernel]) {
      assert.deepEqual(policy.computeTransition(user, disk, 'file', 'boot').ok, true);
      assert.match(JSON.stringify(policy.computeTransition(user, disk, 'file', 'boot')), /:other_t:/);
      assert.equal(policy.computeAv(user, disk, 'file').permissive, true);
      assert.equal(policy.computeAv(disk, user, 'file').permissive, false);
    }
  });

  it('makes no difference to what is not declared: it is refused', () => {
    for (const policy of [both.libsepol, both.kernel]) {
      assert.deepEqual(policy.computeAv(user, disk, 'udp_socket').allowed, []);
      assert.equal(policy.declares('udp_socket', ['bind']), false);
      assert.equal(policy.explain(user, disk, 'udp_socket', 'bind').reason, 'UNKNOWN');
    }
  });

  it('stays when booleans are set', () => {
    const again = both.kernel.withBooleans({ off: true }, 2).computeTransition(user, disk, 'tcp_socket');
    assert.deepEqual(again, { ok: true, context: user });
  });
});
