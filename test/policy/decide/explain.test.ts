import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Explanation } from '../../../policy/policy.ts';
import { mustLoad } from '../../support/policy/load.ts';
import { type Additions, smallPolicy } from '../../support/policy/small-policy.ts';

const kernel = 'system_u:system_r:kernel_t:s0';
const user = 'system_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0:c1';

function explain(add: Additions, source: string, target: string, tclass: string, perm: string): Explanation {
  return mustLoad(smallPolicy(add)).explain(source, target, tclass, perm);
}

/** Adds what is missing and asks again: the answer must turn. */
function turns(add: Additions, source: string, target: string, tclass: string, perm: string): void {
  const { allowed, missing } = explain(add, source, target, tclass, perm);
  assert.equal(allowed, false);
  assert.ok(missing !== undefined);
  const more = { ...add, rules: `${add.rules ?? ''}\n${missing}` };
  assert.equal(explain(more, source, target, tclass, perm).allowed, true, missing);
}

describe('an explanation', () => {
  it('names every rule that grants, through attributes and enabled conditionals, in source order', () => {
    const rules = `allow domain disk:file { read write };
if (on) { allow user_t disk:file read; } else { allow user_t disk:file getattr; }
allow other_t disk:file read;
allow user_t virtdisk_t:file { getattr read };`;
    const { allowed, granting } = explain({ rules }, user, disk, 'file', 'read');
    assert.equal(allowed, true);
    assert.deepEqual(
      granting.map(({ text }) => text),
      [
        'allow domain disk:file { read write };',
        'allow user_t disk:file read;',
        'allow user_t virtdisk_t:file { getattr read };',
      ],
    );
    assert.equal((granting[1]?.line ?? 0) - (granting[0]?.line ?? 0), 1);
  });

  it('of a missing rule writes it as audit2allow does', () => {
    assert.equal(explain({}, user, disk, 'file', 'read').missing, 'allow user_t qemu_virtdisk_t:file read;');
    assert.equal(explain({}, user, user, 'process', 'signal').missing, 'allow user_t self:process signal;');
    turns({}, user, disk, 'file', 'read');
    turns({}, user, user, 'process', 'signal');
  });

  it('names the rules whose condition is off', () => {
    const rules = 'if (off) { allow user_t disk:file read; } else { allow user_t disk:file getattr; }';
    const { allowed, off, missing } = explain({ rules }, user, disk, 'file', 'read');
    assert.equal(allowed, false);
    assert.deepEqual(
      off?.map(({ text }) => text),
      ['allow user_t disk:file read;'],
    );
    assert.equal(missing, 'allow user_t qemu_virtdisk_t:file read;');
    assert.equal(explain({ rules }, user, disk, 'file', 'write').off, undefined);
  });

  it('of a false constraint names it, and offers no rule', () => {
    const add = { rules: 'allow user_t disk:file write;' };
    const found = explain(add, user, disk, 'file', 'write');
    assert.equal(found.reason, 'CONS');
    assert.equal(found.blocking?.text, 'mlsconstrain file { write } ( l1 eq l2 );');
    assert.equal(found.missing, undefined);
    assert.equal(found.granting.length, 1);
  });

  it('of a missing rule that a constraint would still stop says so, and offers no rule', () => {
    const found = explain({}, user, disk, 'file', 'write');
    assert.equal(found.reason, 'TE');
    assert.equal(found.missing, undefined);
    assert.match(found.blocking?.text ?? '', /mlsconstrain/);
  });

  it('of a process that changes its role names the missing role allow', () => {
    const add = { rules: 'allow user_t kernel_t:process { transition signal };' };
    const found = explain(add, user, kernel, 'process', 'transition');
    assert.equal(found.reason, 'RBAC');
    assert.equal(found.missing, 'allow user_r system_r;');
    assert.equal(explain(add, user, kernel, 'process', 'signal').allowed, true);
    turns(add, user, kernel, 'process', 'transition');
    turns({}, user, kernel, 'process', 'transition');
  });

  it('of a bounded type whose parent is constrained names the constraint', () => {
    const add = {
      rules:
        'type child_t; role user_r types child_t; typebounds user_t child_t; allow { user_t child_t } disk:vm start;',
      constraints: 'constrain vm start ( t1 != user_t );',
    };
    const found = explain(add, 'system_u:user_r:child_t:s0', disk, 'vm', 'start');
    assert.equal(found.reason, 'BOUNDS');
    const { allowed } = mustLoad(smallPolicy(add)).computeAv('system_u:user_r:child_t:s0', disk, 'vm');
    assert.deepEqual(allowed, []);
    assert.equal(found.blocking?.text, 'constrain vm start ( t1 != user_t );');
    assert.equal(found.missing, undefined);
  });

  it('agrees with computeAv on every permission', () => {
    const policy = mustLoad(
      smallPolicy({
        rules: 'allow domain domain:process *; allow domain disk:file *; if (off) { allow domain disk:vm *; }',
      }),
    );
    for (const source of [kernel, user, disk]) {
      for (const target of [kernel, user, disk]) {
        for (const [tclass, perms] of [
          ['process', ['transition', 'dyntransition', 'signal']],
          ['file', ['read', 'write']],
          ['vm', ['start']],
        ] as const) {
          const { allowed } = policy.computeAv(source, target, tclass);
          for (const perm of perms)
            assert.equal(policy.explain(source, target, tclass, perm).allowed, allowed.includes(perm));
        }
      }
    }
  });

  it('of what the policy does not know is a refusal with its own reason', () => {
    assert.equal(explain({}, user, disk, 'nothing', 'read').reason, 'UNKNOWN');
    assert.equal(explain({}, user, disk, 'vm', 'read').reason, 'UNKNOWN');
    assert.equal(explain({}, 'x', disk, 'vm', 'start').reason, 'INVALID');
    assert.equal(explain({}, user, 'x', 'vm', 'start').reason, 'INVALID');
  });
});
