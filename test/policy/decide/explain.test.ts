import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPolicy } from '../../../policy/load.ts';
import type { Explanation } from '../../../policy/policy.ts';
import { mustLoad } from '../../support/policy/load.ts';
import { createRandom } from '../../support/policy/random.ts';
import { randomPolicy } from '../../support/policy/random-policy.ts';
import { randomContext } from '../../support/policy/random-questions.ts';
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

  it('fills the values into a constraint, as a tree and in one line', () => {
    const add = {
      rules:
        'attribute trusted; typeattribute kernel_t trusted; typeattribute vm_user_t trusted; allow user_t disk:vm stop;',
      constraints:
        'constrain vm stop ( l1 dom h2 and u1 == u2 or not ( t1 != trusted or r2 == { system_r user_r } ) );',
    };
    const found = explain(add, user, disk, 'vm', 'stop');
    assert.equal(found.obstacle, 'constraint');
    assert.equal(found.constraints?.length, 1);
    assert.deepEqual(found.constraints?.[0]?.rule, found.blocking);
    assert.equal(
      found.constraints?.[0]?.text,
      'l1 dom h2 (s0, s0:c1: false) and u1 == u2 (system_u, system_u: true) or ' +
        'not ( t1 != trusted (user_t: true) or r2 == { system_r user_r } (object_r: false) )',
    );
    assert.deepEqual(found.constraints?.[0]?.trace, {
      op: 'or',
      holds: false,
      of: [
        {
          op: 'and',
          holds: false,
          of: [
            { op: 'compare', holds: false, text: 'l1 dom h2', left: 's0', right: 's0:c1' },
            { op: 'compare', holds: true, text: 'u1 == u2', left: 'system_u', right: 'system_u' },
          ],
        },
        {
          op: 'not',
          holds: false,
          of: [
            {
              op: 'or',
              holds: true,
              of: [
                { op: 'compare', holds: true, text: 't1 != trusted', left: 'user_t' },
                { op: 'compare', holds: false, text: 'r2 == { system_r user_r }', left: 'object_r' },
              ],
            },
          ],
        },
      ],
    });
  });

  it('names every constraint that is false, and no other', () => {
    const add = {
      rules: 'allow user_t disk:file { read write };',
      constraints: 'constrain file write ( r1 == system_r ); constrain file { write read } ( u1 == u2 );',
    };
    assert.deepEqual(
      explain(add, user, disk, 'file', 'write').constraints?.map(({ text }) => text),
      ['l1 == l2 (s0, s0:c1: false)', 'r1 == system_r (user_r: false)'],
    );
    assert.equal(explain(add, user, disk, 'file', 'read').constraints, undefined);
  });

  it('of a false validatetrans rule fills in all three contexts', () => {
    const constraints = 'validatetrans file ( l1 eq l2 or t3 == kernel_t );';
    const answer = mustLoad(smallPolicy({ constraints })).validateTransition(disk, `${disk},c2`, user, 'file');
    assert.ok(!answer.ok);
    assert.equal(answer.failed?.text, 'l1 == l2 (s0:c1, s0:c1,c2: false) or t3 == kernel_t (user_t: false)');
    assert.equal(answer.failed?.trace.holds, false);
    assert.equal(answer.blocking?.text, constraints);
  });

  it('names the fewest booleans that switch a condition on', () => {
    const off = (condition: string, rest = '') => {
      const rules = `bool b false; bool c true; if (${condition}) { ${rest === '' ? 'allow user_t disk:file read;' : ''} } ${rest}`;
      return explain({ rules }, user, disk, 'file', 'read').off?.map(({ condition, switches }) => [
        condition,
        switches,
      ]);
    };
    assert.deepEqual(off('off'), [['off', [{ off: true }]]]);
    assert.deepEqual(off('off && ! on'), [['off && ! on', [{ off: true, on: false }]]]);
    assert.deepEqual(off('off || b && on'), [['off || b && on', [{ off: true }, { b: true }]]]);
    assert.deepEqual(off('on ^ c'), [['on ^ c', [{ on: false }, { c: false }]]]);
    assert.deepEqual(off('on', 'else { allow user_t disk:file read; }'), [['! on', [{ on: false }]]]);
    assert.deepEqual(off('off && ! off'), [['off && ! off', []]]);
  });

  it('of the booleans it names is right: set them, and the rule grants', () => {
    const rules =
      'bool b false; bool c true; if (! (off || b) == c && on) { allow user_t disk:file getattr; } else { allow user_t disk:file read; }';
    const policy = mustLoad(smallPolicy({ rules }));
    const { off } = policy.explain(user, disk, 'file', 'read');
    assert.ok((off?.[0]?.switches.length ?? 0) > 1);
    for (const switches of off?.[0]?.switches ?? []) {
      assert.equal(policy.withBooleans(switches, 2).explain(user, disk, 'file', 'read').allowed, true);
    }
  });

  it('does not offer a rule that a neverallow forbids, and names the neverallow', () => {
    for (const rules of [
      'neverallow user_t disk:file { read write };',
      'neverallow ~kernel_t *:file read;',
      'neverallow { domain -kernel_t } disk:file ~getattr;',
    ]) {
      const found = explain({ rules }, user, disk, 'file', 'read');
      assert.equal(found.missing, undefined, rules);
      assert.equal(found.obstacle, 'neverallow');
      assert.equal(found.blocking?.text, rules);
      assert.equal(
        explain({ rules }, kernel, disk, 'file', 'read').missing,
        'allow kernel_t qemu_virtdisk_t:file read;',
      );
      turns({ rules }, user, disk, 'file', 'getattr');
    }
    const self = { rules: 'neverallow domain self:process signal;' };
    assert.equal(explain(self, user, user, 'process', 'signal').obstacle, 'neverallow');
    turns(self, user, kernel, 'process', 'signal');
  });

  it('of a bounded type offers the rule of the parent with its own', () => {
    const bounded = 'type child_t; role user_r types child_t; typebounds user_t child_t;';
    const child = 'system_u:user_r:child_t:s0';
    assert.equal(
      explain({ rules: bounded }, child, disk, 'file', 'read').missing,
      'allow child_t qemu_virtdisk_t:file read;\nallow user_t qemu_virtdisk_t:file read;',
    );
    turns({ rules: bounded }, child, disk, 'file', 'read');
    turns({ rules: bounded }, child, child, 'process', 'signal');
    turns({ rules: `${bounded} allow user_t disk:file read;` }, child, disk, 'file', 'read');
    // Under a condition the parent's rule does not bear an unconditional rule of the child, unless both sides have it.
    turns({ rules: `${bounded} if (on) { allow user_t disk:file read; }` }, child, disk, 'file', 'read');
    const both = `${bounded} if (on) { allow user_t disk:file read; } else { allow user_t disk:file { read getattr }; }`;
    assert.equal(
      explain({ rules: both }, child, disk, 'file', 'read').missing,
      'allow child_t qemu_virtdisk_t:file read;',
    );
    turns({ rules: both }, child, disk, 'file', 'read');
  });

  it('of a bounded type whose parent may not have it offers nothing', () => {
    const rules =
      'type child_t; role user_r types child_t; typebounds user_t child_t; neverallow user_t disk:file read;';
    const child = 'system_u:user_r:child_t:s0';
    const found = explain({ rules }, child, disk, 'file', 'read');
    assert.deepEqual([found.missing, found.obstacle, found.reason], [undefined, 'bounds', 'TE']);
    assert.equal(found.blocking?.text, 'neverallow user_t disk:file read;');
    const constrained = {
      rules: 'type child_t; role user_r types child_t; typebounds user_t child_t;',
      constraints: 'constrain file read ( t1 != user_t );',
    };
    const masked = explain(constrained, child, disk, 'file', 'read');
    assert.deepEqual([masked.missing, masked.obstacle, masked.reason], [undefined, 'bounds', 'TE']);
    assert.equal(masked.constraints?.[0]?.text, 't1 != user_t (user_t: false)');
  });

  it('is right on random policies: what it offers loads and grants, and where it offers nothing no rule does', () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed);
      const made = randomPolicy(seed);
      const plain = loadPolicy(made.text);
      if (!plain.ok) continue;
      const withRules = (rules: string) => loadPolicy(made.text.replace(/^user /m, `${rules}\nuser `));
      for (let turn = 0; turn < 10; turn++) {
        const contexts = [randomContext(random, made), randomContext(random, made)] as const;
        const [source, target]: (string | undefined)[] = contexts.map((one): string | undefined =>
          plain.policy.canonical(one),
        );
        const tclass = random.pick(made.classes);
        const perm: string | undefined = [...plain.policy.reasons(...contexts, tclass).keys()].at(-1);
        if (source === undefined || target === undefined || perm === undefined) continue;
        const [, fromRole, from] = source.split(':');
        const [, toRole, to] = target.split(':');
        const own = `${from} ${from === to ? 'self' : to}:${tclass} ${perm};`;
        const never = random.chance(40) ? `neverallow ${own}` : '';
        const loaded = withRules(never);
        if (!loaded.ok) continue;
        const found: Explanation = loaded.policy.explain(source, target, tclass, perm);
        const rules = found.missing ?? `allow ${own}\nallow ${fromRole} ${toRole};`;
        const tried = withRules(`${never}\n${rules}`);
        const granted: boolean = tried.ok && tried.policy.explain(source, target, tclass, perm).allowed;
        const what: string = found.missing === undefined ? (found.obstacle ?? 'nothing') : 'missing';
        assert.equal(granted, what === 'missing', `seed ${seed}: ${source} ${target} ${tclass} ${perm}: ${what}`);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    }
    for (const what of ['missing', 'constraint', 'neverallow']) {
      assert.ok((seen.get(what) ?? 0) > 5, `${what}: ${seen.get(what) ?? 0}`);
    }
  });

  it('of what the policy does not know is a refusal with its own reason', () => {
    assert.equal(explain({}, user, disk, 'nothing', 'read').reason, 'UNKNOWN');
    assert.equal(explain({}, user, disk, 'vm', 'read').reason, 'UNKNOWN');
    assert.equal(explain({}, 'x', disk, 'vm', 'start').reason, 'INVALID');
    assert.equal(explain({}, user, 'x', 'vm', 'start').reason, 'INVALID');
  });
});
