import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Criteria } from '../../policy/search/criteria.ts';
import { searchRules } from '../../policy/search/search.ts';
import { countPolicy } from '../../policy/search/statistics.ts';
import { compile, withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import { mustLoad } from '../support/policy/load.ts';
import { comparable, seinfo, sesearch } from '../support/policy/setools.ts';
import { smallPolicy } from '../support/policy/small-policy.ts';

const text = smallPolicy({
  classes: 'class file2',
  access: 'class file2 inherits file_like { ioctl }',
  mls: 'mlsvalidatetrans file ( l1 eq l2 );',
  rules: `allow domain disk:file { read write };
allow domain self:process signal;
allow { domain -user_t } other_t:{ file vm } *;
auditallow user_t disk:file getattr;
dontaudit domain other_t:file { read write };
neverallow user_t other_t:vm migrate_in;
if (on && !off) { allow user_t disk:file execute; type_change user_t disk:vm vm_user_t; }
if (off) { allow user_t disk:file execute; allow domain disk:vm start; } else { dontaudit user_t disk:vm stop; }
type_transition user_t qemu_virtdisk_t:vm vm_user_t;
type_transition user_t qemu_virtdisk_t:file other_t "a name";
type_member domain other_t:file user_t;
range_transition user_t qemu_virtdisk_t:process s0 - s1:c0.c2,c4;
role_transition user_r other_t:vm system_r;
allow user_r system_r;
permissive other_t;
allowxperm user_t disk:file2 ioctl { 0x10-0x20 0x30 }; allowxperm user_t disk:file2 ioctl 0x21;
auditallowxperm user_t disk:file2 ioctl 0x10; dontauditxperm domain other_t:file2 ioctl { 5 7-9 };`,
  constraints: 'constrain file read ( u1 == u2 or t1 == domain );',
});
const policy = mustLoad(text);

const searches: readonly (readonly [options: string, criteria: Omit<Criteria, 'kinds'> & { kinds: string }])[] = [
  ['-A', { kinds: 'allow allowxperm' }],
  ['--allowxperm --auditallowxperm --dontauditxperm', { kinds: 'allowxperm auditallowxperm dontauditxperm' }],
  ['--allowxperm -s user_t -p ioctl', { kinds: 'allowxperm', source: { text: 'user_t' }, perms: ['ioctl'] }],
  ['--auditallow --dontaudit', { kinds: 'auditallow dontaudit' }],
  ['--allow -s user_t', { kinds: 'allow', source: { text: 'user_t' } }],
  ['--allow -s domain', { kinds: 'allow', source: { text: 'domain' } }],
  ['--allow -s domain -ds', { kinds: 'allow', source: { text: 'domain', direct: true } }],
  ['--allow -t qemu_virtdisk_t', { kinds: 'allow', target: { text: 'qemu_virtdisk_t' } }],
  ['--allow -t other_t -dt', { kinds: 'allow', target: { text: 'other_t', direct: true } }],
  ['--allow -s ^vm -rs', { kinds: 'allow', source: { text: '^vm', regex: true } }],
  ['--allow -t dis -rt -dt', { kinds: 'allow', target: { text: 'dis', regex: true, direct: true } }],
  ['--allow -c vm,process', { kinds: 'allow', classes: ['vm', 'process'] }],
  ['--allow -c f -rc', { kinds: 'allow', classes: { text: 'f', regex: true } }],
  ['--allow -p read,execute', { kinds: 'allow', perms: ['read', 'execute'] }],
  ['--allow -p read,write -ep', { kinds: 'allow', perms: ['read', 'write'], permsAre: 'exactly' }],
  ['--allow -p read,write -Sp', { kinds: 'allow', perms: ['read', 'write'], permsAre: 'all' }],
  ['--allow --type_change -b off', { kinds: 'allow type_change', booleans: ['off'] }],
  ['--allow --dontaudit -b off -eb', { kinds: 'allow dontaudit', booleans: ['off'], booleansExactly: true }],
  ['--allow -b ^o -rb', { kinds: 'allow', booleans: { text: '^o', regex: true } }],
  ['-T --type_change --type_member', { kinds: 'type_transition type_change type_member' }],
  ['-T -D other_t', { kinds: 'type_transition', result: { text: 'other_t' } }],
  ['-T --type_member -D user -rd', { kinds: 'type_transition type_member', result: { text: 'user', regex: true } }],
  ['--range_trans -t disk', { kinds: 'range_transition', target: { text: 'disk' } }],
  ['--role_allow --role_trans', { kinds: 'role_allow role_transition' }],
  ['--role_allow --role_trans -t system_r', { kinds: 'role_allow role_transition', target: { text: 'system_r' } }],
  [
    '--role_trans -s user_r -t other_t -c vm',
    { kinds: 'role_transition', source: { text: 'user_r' }, classes: ['vm'] },
  ],
];

test('searches find what sesearch finds', () => {
  withTemporaryFolder((folder) => {
    const compiled = compile(folder, text, true);
    assert.ok(compiled.ok, compiled.output);
    const theirs = sesearch(
      join(folder, 'policy.bin'),
      searches.map(([options]) => options.split(' ')),
    );
    searches.forEach(([options, { kinds, ...criteria }], at) => {
      const found = searchRules(policy, { ...criteria, kinds: new Set(kinds.split(' ')) as Criteria['kinds'] });
      assert.deepEqual(comparable(found.map((rule) => rule.text)), comparable(theirs[at] ?? []), options);
      assert.ok(found.length > 0, `${options} finds nothing`);
    });
  });
});

test('a policy is counted as seinfo counts it', () => {
  withTemporaryFolder((folder) => {
    assert.ok(compile(folder, text, true).ok);
    const theirs = seinfo(join(folder, 'policy.bin'));
    const names: Readonly<Record<string, string>> = {
      Conditionals: 'Cond. Expr.',
      allow: 'Allow',
      auditallow: 'Auditallow',
      allowxperm: 'Allowxperm',
      auditallowxperm: 'Auditallowxperm',
      dontauditxperm: 'Dontauditxperm',
      dontaudit: 'Dontaudit',
      type_transition: 'Type_trans',
      type_change: 'Type_change',
      type_member: 'Type_member',
      range_transition: 'Range_trans',
      role_allow: 'Role allow',
      role_transition: 'Role_trans',
      constrain: 'Constraints',
      validatetrans: 'Validatetrans',
      mlsconstrain: 'MLS Constrain',
      mlsvalidatetrans: 'MLS Val. Tran',
    };
    // Neverallow rules are in the source only.
    const { Neverallow: neverallow, ...ours } = countPolicy(policy);
    assert.equal(neverallow, 1);
    const expected = Object.fromEntries(Object.keys(ours).map((name) => [name, theirs.get(names[name] ?? name)]));
    assert.deepEqual(ours, expected);
  });
});

test('a rule names the statements it is made of, and says whether it is on', () => {
  const [rule] = searchRules(policy, { kinds: new Set(['allow']), perms: ['start'], booleans: ['off'] });
  assert.equal(rule?.text, 'allow domain disk:vm start; [ off ]:True');
  assert.equal(rule.on, false);
  assert.deepEqual(
    rule.from().map((from) => from.text),
    ['allow domain disk:vm start;'],
  );
});

test('neverallow rules are found by the types they are about', () => {
  const kinds = new Set(['neverallow'] as const);
  const found = searchRules(policy, { kinds, source: { text: 'domain' }, perms: ['migrate_in'] });
  assert.deepEqual(
    found.map((rule) => rule.text),
    ['neverallow user_t other_t:vm migrate_in;'],
  );
  assert.deepEqual(searchRules(policy, { kinds, source: { text: 'kernel_t' } }), []);
  assert.deepEqual(searchRules(policy, { kinds, target: { text: 'user_t' } }), []);
});
