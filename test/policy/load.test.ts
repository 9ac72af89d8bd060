import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { expandedMax } from '../../policy/build/builder.ts';
import { sourceCharsMax } from '../../policy/language/parse.ts';
import { loadPolicy } from '../../policy/load.ts';
import { boundsDepthMax } from '../../policy/policydb/bounds.ts';
import { readPolicyFile } from '../../policy/read-policy-file.ts';
import { withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import { mustLoad, mustRefuse } from '../support/policy/load.ts';
import { boundsChain, smallPolicy } from '../support/policy/small-policy.ts';

const user = 'user_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0';

describe('a loaded policy', () => {
  it('carries the SHA-256 of its source and the sequence number it was given', () => {
    const text = smallPolicy();
    const policy = mustLoad(text, { seqno: 7 });
    assert.equal(policy.digest, createHash('sha256').update(text).digest('hex'));
    assert.equal(policy.seqno, 7);
    assert.equal(policy.computeAv(user, disk, 'vm').seqno, 7);
    assert.notEqual(mustLoad(`${text} `).digest, policy.digest);
  });

  it('answers auditallow, auditdeny and permissive', () => {
    const rules =
      'allow user_t disk:file { read write }; auditallow user_t disk:file read; dontaudit domain disk:file { getattr }; auditdeny user_t disk:file ~execute; permissive user_t;';
    assert.deepEqual(mustLoad(smallPolicy({ rules })).computeAv(user, disk, 'file'), {
      allowed: ['read', 'write'],
      auditallow: ['read'],
      auditdeny: ['read', 'write'],
      seqno: 1,
      permissive: true,
    });
  });

  it('allows nothing where class or context are unknown', () => {
    const policy = mustLoad(smallPolicy({ rules: 'allow domain disk:file *;' }));
    for (const [source, target, tclass] of [
      [user, disk, 'x'],
      ['x', disk, 'file'],
      [user, 'x', 'file'],
    ] as const) {
      assert.deepEqual(policy.computeAv(source, target, tclass).allowed, []);
    }
  });

  it('knows what it declares', () => {
    const policy = mustLoad(smallPolicy());
    assert.equal(policy.declares('file', ['read', 'execute']), true);
    assert.equal(policy.declares('vm', ['read']), false);
    assert.equal(policy.declares('nothing', []), false);
    assert.equal(policy.declares('__proto__', ['constructor']), false);
  });

  it('shows its booleans by name, without tunables, and sets them in a copy', () => {
    const policy = mustLoad(
      smallPolicy({ rules: 'tunable t true; bool a false; if (off) { allow user_t disk:file read; }' }),
    );
    assert.deepEqual(
      [...policy.booleans],
      [
        ['a', false],
        ['off', false],
        ['on', true],
      ],
    );
    const changed = policy.withBooleans({ off: true }, 9);
    assert.deepEqual(changed.computeAv(user, disk, 'file').allowed, ['read']);
    assert.equal(changed.seqno, 9);
    assert.equal(changed.digest, policy.digest);
    assert.deepEqual(policy.computeAv(user, disk, 'file').allowed, []);
    assert.throws(() => policy.withBooleans({ nothing: true }, 2), /unknown boolean `nothing`/);
    assert.throws(() => policy.withBooleans({ t: false }, 2), /unknown boolean/);
  });

  it('settles tunables when it is built', () => {
    const policy = mustLoad(
      smallPolicy({
        rules: 'tunable t true; if (!t) { allow user_t disk:file read; } else { allow user_t disk:file write; }',
      }),
    );
    assert.deepEqual(policy.computeAv(user, disk, 'file').allowed, ['write']);
    assert.match(
      mustRefuse(smallPolicy({ rules: 'tunable t true; if (t && on) { allow user_t disk:file read; }' })).message,
      /mixes/,
    );
  });

  it('validates a relabelling by every rule of the class', () => {
    const policy = mustLoad(
      smallPolicy({
        constraints: 'validatetrans file ( t3 == kernel_t or l1 eq l2 ); validatetrans file ( u1 == u2 );',
      }),
    );
    const secret = 'system_u:object_r:other_t:s1';
    assert.deepEqual(policy.validateTransition(disk, disk, user, 'file'), { ok: true });
    assert.deepEqual(policy.validateTransition(disk, secret, user, 'vm'), { ok: true });
    const refused = policy.validateTransition(disk, secret, user, 'file');
    assert.equal(refused.ok ? '' : refused.blocking?.text, 'validatetrans file ( t3 == kernel_t or l1 eq l2 );');
    assert.deepEqual(policy.validateTransition(disk, 'x', user, 'file'), { ok: false, reason: 'INVALID' });
    assert.deepEqual(policy.validateTransition(disk, disk, user, 'x'), { ok: false, reason: 'UNKNOWN' });
  });
});

describe('a diagnostic', () => {
  it('stands at the name that is wrong, and says what to do', () => {
    const text = smallPolicy({ rules: 'allow user_t nobody_t:file read;' });
    const found = mustRefuse(text);
    assert.equal(text.slice(found.span.start, found.span.end), 'nobody_t');
    assert.equal(found.message, 'unknown type `nobody_t`');
    assert.match(found.hint ?? '', /declare the type/);
    assert.equal(found.severity, 'error');
  });

  it('counts line, column and span in the file that has the error', () => {
    const text = smallPolicy();
    const cut = text.indexOf('user system_u');
    const middle = { file: 'two.te', text: '# a comment\n  type user_t;\n' };
    const loaded = loadPolicy([
      { file: 'one.te', text: text.slice(0, cut) },
      middle,
      { file: 'three.te', text: text.slice(cut) },
    ]);
    const [found] = loaded.ok ? [] : loaded.diagnostics;
    assert.deepEqual([found?.file, found?.line, found?.column], ['two.te', 2, 8]);
    assert.equal(middle.text.slice(found?.span.start, found?.span.end), 'user_t');
  });

  it('of a broken neverallow names the line that gives the permission', () => {
    const found = mustRefuse(
      smallPolicy({ rules: '#line 10 "give.te"\nallow user_t disk:vm start;\nneverallow domain disk:vm start;' }),
    );
    assert.deepEqual([found.file, found.line], ['give.te', 11]);
    assert.match(found.hint ?? '', /give\.te:10/);
    assert.match(found.message, /allow user_t qemu_virtdisk_t:vm start;/);
  });

  it('of exceeded bounds names the rule the parent lacks', () => {
    const found = mustRefuse(
      smallPolicy({
        rules: 'type c_t; typebounds user_t c_t; allow c_t disk:vm { start stop }; allow user_t disk:vm stop;',
      }),
    );
    assert.match(found.hint ?? '', /allow user_t qemu_virtdisk_t:vm start;/);
  });

  it('comes for every wrong statement, not only the first', () => {
    const loaded = loadPolicy(smallPolicy({ rules: 'allow a_t b_t:file read;\nallow user_t c_t:file read;' }));
    assert.deepEqual(loaded.ok ? [] : loaded.diagnostics.map(({ message }) => message), [
      'unknown type `a_t`',
      'unknown type `b_t`',
      'unknown type `c_t`',
    ]);
  });

  it('that is only a warning lets the policy load', () => {
    const loaded = loadPolicy(
      smallPolicy({ constraints: 'constrain vm ~{ start stop entrypoint migrate_in } ( u1 == u2 );' }),
    );
    assert.deepEqual(loaded.ok ? loaded.warnings.map(({ severity }) => severity) : [], ['warning']);
  });
});

describe('a policy file', () => {
  it('is loaded under its own name', () => {
    withTemporaryFolder((folder) => {
      const path = join(folder, 'p.conf');
      writeFileSync(path, smallPolicy({ rules: 'type user_t;' }));
      const loaded = readPolicyFile(path);
      assert.equal(loaded.ok ? '' : loaded.diagnostics[0]?.file, path);
      writeFileSync(path, smallPolicy());
      assert.equal(readPolicyFile(path, { seqno: 3 }).ok, true);
    });
  });

  it('that cannot be used is a diagnostic, never an exception', () => {
    withTemporaryFolder((folder) => {
      const path = join(folder, 'p.conf');
      const refusal = () => {
        const loaded = readPolicyFile(path);
        return loaded.ok ? '' : loaded.diagnostics[0]?.message;
      };
      assert.match(refusal() ?? '', /ENOENT/);
      writeFileSync(path, Buffer.from([0x63, 0xff, 0xfe]));
      assert.match(refusal() ?? '', /cannot read the policy/);
      writeFileSync(path, '');
      truncateSync(path, sourceCharsMax + 1);
      assert.match(refusal() ?? '', /more than/);
      mkdirSync(join(folder, 'd'));
      const folderLoaded = readPolicyFile(join(folder, 'd'));
      assert.match(folderLoaded.ok ? '' : (folderLoaded.diagnostics[0]?.message ?? ''), /not a regular file/);
    });
  });
});

describe('a policy that asks for too much', () => {
  it(`is refused when its rules expand to more than ${expandedMax} entries`, () => {
    const types = Array.from({ length: 5000 }, (_, index) => `type x${index}, domain;`).join('\n');
    const found = mustRefuse(smallPolicy({ rules: `${types}\nallow { domain -user_t } { domain -user_t }:vm start;` }));
    assert.match(found.message, /expand to more than/);
  });

  it('is refused when it has more types than fit', () => {
    const types = Array.from({ length: 66_000 }, (_, index) => `type x${index};`).join('\n');
    assert.match(mustRefuse(smallPolicy({ rules: types })).message, /too many names/);
  });

  it('is refused when its text is too long, before it is read', () => {
    assert.match(mustRefuse(' '.repeat(sourceCharsMax + 1)).hint ?? '', /the limit is/);
  });

  it('is refused when a type is bounded by itself', () => {
    const rules = 'type a_t; type b_t; typebounds a_t b_t; typebounds b_t a_t;';
    assert.match(mustRefuse(smallPolicy({ rules })).message, /bounded by itself/);
  });

  it('is refused when types bound one another without end, and answers up to the limit', () => {
    const rules = boundsChain(boundsDepthMax);
    const policy = mustLoad(smallPolicy({ rules }));
    const last = `user_u:object_r:c${boundsDepthMax}_t:s0`;
    assert.deepEqual(policy.computeAv(last, 'user_u:object_r:other_t:s0', 'file').allowed, ['read']);
    const more = boundsChain(boundsDepthMax + 1);
    assert.match(mustRefuse(smallPolicy({ rules: more })).message, /bounded through more than 100 others/);
  });
});
