import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelOn } from '../../../policy/kernel/kernel.ts';
import type { KernelPolicy } from '../../../policy/kernel/kernel-policy.ts';
import type { Reply } from '../../../policy/kernel/selinuxfs.ts';
import { fakeSelinuxfs } from '../../support/kernel/fake-selinuxfs.ts';
import { disk, fault, next, old, user, withoutBooleans } from '../../support/kernel/two-policies.ts';

describe('a policy of the kernel', () => {
  it('asks for no file that a name could lead to outside of its folder', () => {
    const fs = fakeSelinuxfs(old);
    const policy = kernelOn(fs).current();
    for (const name of ['../booleans', 'vm/perms', '', '.', '..', 'vm\0', 'v m', 'x'.repeat(300)]) {
      assert.deepEqual(policy.computeAv(user, disk, name).allowed, []);
      assert.deepEqual(policy.declares('vm', [name]), false);
      assert.deepEqual(policy.computeChange(user, disk, name), { ok: false, reason: 'UNKNOWN_CLASS' });
    }
    assert.deepEqual(
      fs.opened.filter((path) => path.startsWith('class/') && !path.startsWith('class/vm/')),
      [],
    );
  });

  it('puts no context to the kernel that would be cut in two or is longer than a question', () => {
    const fs = fakeSelinuxfs(old);
    const policy = kernelOn(fs).current();
    for (const context of ['', `${user} ${disk}`, `${user}\n`, `${user}\0`, 'ü', 'x'.repeat(5000)]) {
      assert.equal(policy.canonical(context), undefined);
      assert.deepEqual(policy.computeAv(context, disk, 'vm').allowed, []);
      assert.deepEqual(policy.computeChange(context, disk, 'vm'), { ok: false, reason: 'INVALID_SOURCE' });
      assert.deepEqual(policy.computeMember(user, context, 'vm'), { ok: false, reason: 'INVALID_TARGET' });
      assert.deepEqual(policy.validateTransition(user, disk, context, 'vm'), { ok: false, reason: 'INVALID' });
    }
  });

  const computeAv = (policy: KernelPolicy) => policy.computeAv(user, disk, 'vm');
  const canonical = (policy: KernelPolicy) => policy.canonical(user);
  const computeChange = (policy: KernelPolicy) => policy.computeChange(user, disk, 'vm');
  const validate = (policy: KernelPolicy) => policy.validateTransition(disk, disk, user, 'vm');
  const faults: readonly (readonly [
    file: string,
    ask: (policy: KernelPolicy) => unknown,
    replies: readonly Reply<string>[],
  ])[] = [
    [
      'access',
      computeAv,
      replies('', 'ff', '0 0 0 0 1', '0 0 0 0 1 0 0', 'x 0 0 0 1 0', '0 0 0 0 -1 0', '100000000 0 0 0 1 0'),
    ],
    ['context', canonical, replies('', '\0', 'a b', 'a\0b', 'a\n')],
    ['relabel', computeChange, replies('', 'a b\0', 'a\0b\0')],
    ['validatetrans', validate, errors('EINVAL')],
    ['class/vm/index', computeAv, replies('', '0', '-1', 'vm', '65536', '1 2')],
    ['class/vm/perms/start', computeAv, replies('', '0', '33', '2', '1.5')],
  ];
  for (const [file, ask, garbage] of faults) {
    it(`takes garbage, and errors that mean nothing, of ${file} for a fault`, () => {
      for (const reply of [...garbage, ...errors('EIO', 'EFBIG', 'ENOMEM', 'EBUSY')]) {
        const fs = fakeSelinuxfs(old);
        const policy = kernelOn(fs).current();
        fs.instead.set(file, reply);
        assert.throws(() => ask(policy), fault('POLICY_UNAVAILABLE'), JSON.stringify(reply));
      }
    });
  }

  it('allows no bit that was not decided, and none that has no name', () => {
    const fs = fakeSelinuxfs(old);
    const policy = kernelOn(fs).current();
    fs.instead.set('access', { ok: true, value: 'ffffffff 2 0 0 1 0' });
    assert.deepEqual(policy.computeAv(user, disk, 'vm').allowed, ['stop']);
    fs.instead.set('access', { ok: true, value: 'ffffffff ffffffff 0 0 1 1' });
    const all = policy.computeAv(user, disk, 'vm');
    assert.deepEqual(all.allowed, ['start', 'stop', 'entrypoint', 'migrate_in']);
    assert.equal(all.permissive, true);
  });

  it('tells an invalid result from a process that may not ask', () => {
    const fs = fakeSelinuxfs(old);
    const policy = kernelOn(fs).current();
    assert.deepEqual(policy.computeTransition(user, disk, 'process'), { ok: false, reason: 'INVALID_RESULT' });
    fs.instead.set('create', { ok: false, errno: 'EACCES' });
    assert.throws(() => policy.computeTransition(user, disk, 'process'), fault('POLICY_UNAVAILABLE'));
  });

  it('does not take the word of a permissive kernel for a result that is not valid', () => {
    const fs = fakeSelinuxfs(old);
    fs.enforcing = false;
    assert.deepEqual(kernelOn(fs).current().computeTransition(user, disk, 'process'), {
      ok: false,
      reason: 'INVALID_RESULT',
      context: 'user_u:user_r:kernel_t:s0',
    });
  });

  it('without its rules names no reason and does not guess', () => {
    const policy = kernelOn(fakeSelinuxfs(old)).current();
    assert.deepEqual(policy.explain(user, disk, 'vm', 'start'), { allowed: false, granting: [] });
    assert.throws(() => policy.hasTypeRule('type_change', user, disk, 'vm'), fault('POLICY_UNAVAILABLE'));
    assert.throws(() => policy.withBooleans({ on: false }, 2), fault('POLICY_UNAVAILABLE'));
    assert.throws(() => policy.withBooleans({ nonsense: false }, 2), RangeError);
  });

  it('keeps its answer where the rules say otherwise, without their explanation', () => {
    const policy = kernelOn(fakeSelinuxfs(old), () => next.policy).current();
    assert.deepEqual(policy.explain(user, disk, 'vm', 'stop'), { allowed: true, granting: [] });
    assert.deepEqual(policy.explain(user, disk, 'vm', 'start'), { allowed: false, granting: [] });
  });

  it('is not asked when nothing tells whether another is being loaded', () => {
    const fs = fakeSelinuxfs(withoutBooleans);
    assert.deepEqual(kernelOn(fs).current().computeAv(user, disk, 'vm').allowed, ['stop']);
    fs.instead.set('policy', { ok: false, errno: 'EACCES' });
    assert.throws(() => kernelOn(fs).current().computeAv(user, disk, 'vm'), fault('POLICY_UNAVAILABLE'));
  });

  it('has no digest, and no rules, where the policy may not be read', () => {
    const fs = fakeSelinuxfs(old);
    fs.instead.set('policy', { ok: false, errno: 'EACCES' });
    const policy = kernelOn(fs, () => old.policy).current();
    assert.equal(policy.digest, undefined);
    assert.deepEqual(policy.explain(user, disk, 'vm', 'stop'), { allowed: true, granting: [] });
  });
});

function replies(...values: readonly string[]): Reply<string>[] {
  return values.map((value) => ({ ok: true, value }));
}

function errors(...names: readonly string[]): Reply<string>[] {
  return names.map((errno) => ({ ok: false, errno }));
}
