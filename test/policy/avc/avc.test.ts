import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Avc, type AvcSource, createAvc } from '../../../policy/avc/avc.ts';
import type { AccessVector } from '../../../policy/policy.ts';
import { mustLoad } from '../../support/policy/load.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const user = 'system_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0:c1';
const perms = ['read', 'write', 'getattr'];

/** A policy whose answers tell its sequence number, and how often it was asked. */
function numbered(seqno: number): AvcSource & { asked: number } {
  const source = {
    seqno,
    asked: 0,
    declares: () => true,
    computeAv(scontext: string, tcontext: string): AccessVector {
      source.asked++;
      return { ...answerOf(seqno, scontext, tcontext), seqno };
    },
  };
  return source;
}

/** Neighbouring sequence numbers answer differently, whoever asks. */
function answerOf(seqno: number, scontext: string, tcontext: string): AccessVector {
  const shift = scontext.length + tcontext.length;
  const allowed = perms.filter((_, index) => (((seqno + shift) >> index) & 1) === 1);
  return { allowed, auditallow: [], auditdeny: perms, seqno, permissive: false };
}

function allowedBy(avc: Avc, scontext: string, tcontext: string): readonly string[] {
  const tclass = avc.tclass('file', perms);
  const [source, target] = [avc.context(scontext), avc.context(tcontext)];
  return perms.filter((perm) => avc.has(source, target, tclass, tclass.bits(perm)));
}

describe('an access vector cache', () => {
  it('answers as the policy does, and asks it once', () => {
    const policy = mustLoad(smallPolicy({ rules: 'allow user_t disk:file { read write getattr };' }));
    const avc = createAvc();
    const source = { ...policy, asked: 0 };
    source.computeAv = (...asked) => {
      source.asked++;
      return policy.computeAv(...asked);
    };
    assert.equal(avc.install(source), true);
    for (let round = 0; round < 3; round++) assert.deepEqual(allowedBy(avc, user, disk), ['read', 'getattr']);
    assert.equal(source.asked, 1);
    assert.deepEqual(allowedBy(avc, user, 'x'), []);
  });

  it('allows nothing without a policy, and nothing where nothing is asked for', () => {
    const avc = createAvc();
    assert.deepEqual(allowedBy(avc, user, disk), []);
    const tclass = avc.tclass('file', perms);
    assert.equal(avc.vector(avc.context(user), avc.context(disk), tclass), undefined);
    avc.install(numbered(7));
    assert.equal(avc.has(avc.context(user), avc.context(disk), tclass, 0), false);
  });

  it('wants every permission that is asked for', () => {
    const avc = createAvc();
    avc.install(mustLoad(smallPolicy({ rules: 'allow user_t disk:file { read getattr };' })));
    const tclass = avc.tclass('file', perms);
    const has = (...asked: string[]) => avc.has(avc.context(user), avc.context(disk), tclass, tclass.bits(...asked));
    assert.equal(has('read', 'getattr'), true);
    assert.equal(has('read', 'write'), false);
  });

  it('maps permissions by name, whatever the policy numbers them; what it does not declare is refused and audited', () => {
    const avc = createAvc();
    avc.install(mustLoad(smallPolicy({ rules: 'allow user_t disk:file *; dontaudit user_t disk:file getattr;' })));
    const tclass = avc.tclass('file', ['getattr', 'fly', 'read']);
    assert.deepEqual(avc.vector(avc.context(user), avc.context(disk), tclass), {
      allowed: 0b101,
      auditallow: 0,
      auditdeny: 0b110,
      permissive: false,
    });
    const unknown = avc.tclass('nothing', ['read']);
    assert.equal(avc.has(avc.context(user), avc.context(disk), unknown, 1), false);
    assert.equal(avc.vector(avc.context(user), avc.context(disk), unknown)?.auditdeny, 1);
    assert.throws(() => tclass.bits('write'), RangeError);
    assert.throws(
      () =>
        avc.tclass(
          'wide',
          Array.from({ length: 33 }, (_, index) => `p${index}`),
        ),
      RangeError,
    );
  });

  it('keeps the audit masks and the permissive flag, of 32 permissions too', () => {
    const names = Array.from({ length: 32 }, (_, index) => `p${index}`);
    const avc = createAvc();
    const answer = { allowed: ['p31', 'p0'], auditallow: ['p31'], auditdeny: names, seqno: 3, permissive: true };
    avc.install({ seqno: 3, declares: () => true, computeAv: () => answer });
    const tclass = avc.tclass('wide', names);
    const [source, target] = [avc.context('a'), avc.context('b')];
    assert.equal(avc.has(source, target, tclass, tclass.bits('p31', 'p0')), true);
    assert.equal(avc.has(source, target, tclass, tclass.bits('p31', 'p1')), false);
    assert.deepEqual(avc.vector(source, target, tclass), {
      allowed: (1 << 31) | 1,
      auditallow: 1 << 31,
      auditdeny: -1,
      permissive: true,
    });
  });

  it('forgets everything when a newer policy or newer booleans are installed', () => {
    const first = mustLoad(smallPolicy({ rules: 'if (off) { allow user_t disk:file read; }' }));
    const avc = createAvc();
    avc.install(first);
    assert.deepEqual(allowedBy(avc, user, disk), []);
    assert.equal(avc.install(first.withBooleans({ off: true }, 2)), true);
    assert.deepEqual(allowedBy(avc, user, disk), ['read']);
    assert.equal(avc.seqno, 2);
    assert.equal(avc.install(mustLoad(smallPolicy(), { seqno: 3 })), true);
    assert.deepEqual(allowedBy(avc, user, disk), []);
  });

  it('does not take an older policy, nor one of the same number twice', () => {
    const avc = createAvc();
    avc.install(numbered(5));
    const before = allowedBy(avc, user, disk);
    assert.equal(avc.install(numbered(4)), false);
    assert.equal(avc.install(numbered(5)), false);
    assert.deepEqual(allowedBy(avc, user, disk), before);
    assert.equal(avc.seqno, 5);
  });

  it('does not keep an answer that was computed before a reload and comes after it', () => {
    const avc = createAvc();
    avc.install(numbered(4));
    const [source, target, tclass] = [avc.context(user), avc.context(disk), avc.tclass('file', perms)];
    const late = numbered(4).computeAv(user, disk, 'file');
    avc.install(numbered(5));
    assert.equal(avc.insert(source, target, tclass, late), false);
    assert.deepEqual(allowedBy(avc, user, disk), answerOf(5, user, disk).allowed);
  });

  it('after an answer of a policy it has not seen asks the one in force no more, until that policy is installed', () => {
    const avc = createAvc();
    avc.install(numbered(4));
    const [source, target, tclass] = [avc.context(user), avc.context(disk), avc.tclass('file', perms)];
    assert.ok(allowedBy(avc, user, disk).length > 0);
    assert.equal(avc.insert(source, target, tclass, numbered(9).computeAv(user, disk, 'file')), true);
    assert.equal(avc.seqno, 9);
    assert.deepEqual(allowedBy(avc, user, disk), answerOf(9, user, disk).allowed);
    assert.deepEqual(allowedBy(avc, disk, user + user), []);
    assert.equal(avc.install(numbered(9)), true);
    assert.deepEqual(allowedBy(avc, disk, user + user), answerOf(9, disk, user + user).allowed);
  });

  it('keeps nothing of a question the policy could not answer', () => {
    const avc = createAvc();
    let broken = true;
    const policy = numbered(1);
    avc.install({
      ...policy,
      computeAv: (scontext, tcontext) => {
        if (broken) throw new Error('out of order');
        return answerOf(1, scontext, tcontext);
      },
    });
    assert.throws(() => allowedBy(avc, user, disk), /out of order/);
    broken = false;
    assert.deepEqual(allowedBy(avc, user, disk), answerOf(1, user, disk).allowed);
  });

  it('never gives a decision of an older sequence number, however questions, late answers and reloads interleave', () => {
    const context = fc.integer({ min: 0, max: 5 }).map((length) => 'u'.repeat(length));
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), source: context, target: context }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const), source: context, target: context }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('install' as const), by: fc.integer({ min: -1, max: 3 }) }) },
    );
    const sizes = fc.record({ entriesMax: fc.constantFrom(4, 16, 64), contextsMax: fc.constantFrom(2, 3, 100) });
    fc.assert(
      fc.property(sizes, fc.array(step, { maxLength: 80 }), (options, steps) => {
        const avc = createAvc(options);
        const tclass = avc.tclass('file', perms);
        let inForce = 0;
        const onTheWay: { source: string; target: string; answer: AccessVector }[] = [];
        for (const one of steps) {
          if (one.do === 'install') {
            const next = inForce + one.by;
            assert.equal(avc.install(numbered(next)), next > inForce);
            inForce = Math.max(inForce, next);
          } else if (one.do === 'begin') {
            const { source, target } = one;
            onTheWay.push({ source, target, answer: answerOf(inForce, source, target) });
          } else if (one.do === 'end') {
            const [late] = onTheWay.splice(one.which % Math.max(1, onTheWay.length), 1);
            if (late === undefined) continue;
            const { source, target, answer } = late;
            const kept = avc.insert(avc.context(source), avc.context(target), tclass, answer);
            assert.equal(kept, answer.seqno === inForce && inForce > 0);
          } else {
            const { source, target } = one;
            const expected = inForce === 0 ? [] : answerOf(inForce, source, target).allowed;
            assert.deepEqual(allowedBy(avc, source, target), expected);
          }
          assert.equal(avc.seqno, inForce);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stays within its bounds: contexts and answers it has forgotten are asked for again', () => {
    const avc = createAvc({ entriesMax: 64, contextsMax: 50 });
    const policy = numbered(1);
    avc.install(policy);
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 500; n++) {
        const source = `s${n}`;
        assert.deepEqual(allowedBy(avc, source, 't'), answerOf(1, source, 't').allowed);
      }
    }
    assert.ok(policy.asked > 500);
  });
});
