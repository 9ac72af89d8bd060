import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { smallPolicy } from '../../../support/policy/small-policy.ts';
import { carnet } from '../run-carnet.ts';

const user = 'user_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0';
const rules = `allow user_t disk:file { read write };
if (off) { allow user_t qemu_virtdisk_t:file execute; }
type_transition user_t qemu_virtdisk_t:vm vm_user_t;`;

let folder = '';
let small = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carnet-policy-'));
  small = join(folder, 'small.conf');
  await writeFile(small, smallPolicy({ rules }));
});
after(() => rm(folder, { recursive: true }));

test('the policy that is built is one that loads and that checkpolicy compiles', async () => {
  for (const argv of [['build'], ['build', 'policy/modules', '--host', 'no-entrypoint']]) {
    const built = await carnet(['policy', ...argv]);
    assert.equal(built.status, 0, built.stderr);
    const file = join(folder, 'policy.conf');
    await writeFile(file, built.stdout);
    const checked = await carnet(['policy', 'check', file]);
    assert.equal(checked.status, 0, checked.stdout);
    assert.match(checked.stdout, /✓ loads: .*policy\.conf sha256 [0-9a-f]{64}\n$/);
    const compiled = spawnSync('checkpolicy', ['-M', '-o', join(folder, 'policy.bin'), file], { encoding: 'utf8' });
    assert.equal(compiled.status, 0, compiled.stderr);
  }
});

test('what is wrong with a policy is said where it stands, in modules too', async () => {
  const { stdout } = await carnet(['policy', 'build']);
  const rule = 'type_transition carnet_operator_t qemu_virtdisk_t';
  assert.ok(stdout.includes(rule));
  const file = join(folder, 'broken.conf');
  await writeFile(file, stdout.replace(rule, 'type_transition nobody_t qemu_virtdisk_t'));
  const refused = await carnet(['policy', 'check', file]);
  assert.equal(refused.status, 1);
  assert.match(refused.stdout, /modules\/clients\.te:\d+:\d+: error: .*nobody_t/);
  assert.match(refused.stdout, /\n {2}.*type_transition nobody_t[^\n]*\n {2} *\^+\n/);
  assert.match(refused.stdout, /✗ does not load/);

  const machine = await carnet(['policy', 'check', file, '--json']);
  assert.equal(machine.status, 1);
  const said = JSON.parse(machine.stdout) as { loads: boolean; diagnostics: { severity: string; line: number }[] };
  assert.equal(said.loads, false);
  assert.equal(said.diagnostics[0]?.severity, 'error');
  for (const argv of [
    ['query', file],
    ['explain', file, user, disk, 'file', 'read'],
    ['search', file, '-A'],
    ['diff', file, file],
  ]) {
    const { status, stderr } = await carnet(['policy', ...argv]);
    assert.equal(status, 2);
    assert.match(stderr, /broken\.conf does not load: modules\/clients\.te:\d+:\d+: .*nobody_t.*\[POLICY_INVALID\]/);
  }
});

test('check carries verdict, digest and statistics for programs', async () => {
  const { status, stdout } = await carnet(['policy', 'check', small, '--stats', '-o', 'jsonl']);
  assert.equal(status, 0);
  const said = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(said['schema'], 1);
  assert.equal(said['verdict'], 'loads');
  assert.match(String(said['digest']), /^[0-9a-f]{64}$/);
  assert.deepEqual(said['diagnostics'], []);
  assert.equal((said['statistics'] as Record<string, number>)['Types'], 5);
  const shown = await carnet(['policy', 'check', small, '--stats']);
  assert.match(shown.stdout, /\nBooleans: +2\n/);
});

test('a kind of host there is not is named with those there are', async () => {
  const said = await carnet(['policy', 'build', '--host', 'nowhere']);
  assert.equal(said.status, 2);
  assert.match(said.stderr, /accepting, no-entrypoint/);
});

test('a file that cannot be read does not load', async () => {
  const said = await carnet(['policy', 'check', join(folder, 'nothing.conf')]);
  assert.equal(said.status, 1);
  assert.match(said.stdout, /nothing\.conf:1:1: error: cannot read the policy/);
});

test('query answers each line of standard input, whatever is in it, and goes on', () => {
  const lines = [
    `av\t${user}\t${disk}\tfile`,
    'nonsense',
    `bool\toff\t1`,
    `av\t${user}\t${disk}\tfile`,
    `trans\t${user}\t${disk}\tvm`,
    'ctx\tsystem_u:object_r:virtdisk_t:secret',
  ];
  const query = (format: string[]) =>
    spawnSync('services/cli/carnet', ['policy', 'query', small, ...format], {
      input: `${lines.join('\n')}\n`,
      encoding: 'utf8',
    });
  const { status, stdout } = query([]);
  assert.equal(status, 0);
  assert.deepEqual(stdout.split('\n'), [
    `${lines[0]}\t=>\tread write`,
    'nonsense\t=>\tERR malformed',
    'bool\toff\t1\t=>\tok',
    `${lines[3]}\t=>\texecute read write`,
    `${lines[4]}\t=>\tuser_u:object_r:vm_user_t:s0`,
    `${lines[5]}\t=>\tsystem_u:object_r:qemu_virtdisk_t:s1`,
    '',
  ]);
  const { answers } = JSON.parse(query(['-o', 'json']).stdout) as { answers: { question: string[]; answer: string }[] };
  assert.equal(answers.length, lines.length);
  assert.deepEqual(answers[5]?.question, ['ctx', 'system_u:object_r:virtdisk_t:secret']);
  const last = query(['-o', 'jsonl']).stdout.trim().split('\n').at(-1) ?? '';
  assert.deepEqual(JSON.parse(last), answers[5]);
});

test('explain shows the granting rule with its place, a condition that is off with its booleans, and the missing rule', async () => {
  const ask = (perm: string, ...more: string[]) =>
    carnet(['policy', 'explain', small, user, disk, 'file', perm, ...more]);
  const read = await ask('read');
  assert.equal(read.status, 0);
  assert.match(read.stdout, /✓ allowed: .*\n {2}allowed by:\n {4}allow user_t disk:file .*small\.conf:\d+\n/);
  const execute = await ask('execute');
  assert.equal(execute.status, 8);
  assert.match(execute.stdout, /would be allowed if \( off \) by:\n.*execute;.*\n {6}setsebool off=1\n/);
  const getattr = await ask('getattr');
  assert.match(getattr.stdout, /\[TE\].*\n {2}missing:\n {4}allow user_t qemu_virtdisk_t:file getattr;\n/);
  const machine = await ask('getattr', '--json');
  const { explanation } = JSON.parse(machine.stdout) as { explanation: { allowed: boolean; reason: string } };
  assert.deepEqual([explanation.allowed, explanation.reason], [false, 'TE']);
  const unknown = await ask('fly');
  assert.equal(unknown.status, 8);
  assert.match(unknown.stdout, /not in the policy: permission fly of class file/);
});

test('explain fills in the constraint that is false', async () => {
  const higher = 'system_u:object_r:qemu_virtdisk_t:s1';
  const { status, stdout } = await carnet(['policy', 'explain', small, user, higher, 'file', 'write']);
  assert.equal(status, 8);
  assert.match(stdout, /\[CONS\]/);
  assert.match(stdout, /false: l1 == l2 \(s0, s1: false\)/);
  assert.match(stdout, /mlsconstrain file write|mlsconstrain file \{ write \}/);
  assert.match(stdout, /no allow rule can help: a constraint/);
});

test('search takes the options of sesearch', async () => {
  const search = async (...options: string[]) => (await carnet(['policy', 'search', small, ...options])).stdout;
  assert.equal(await search('-A', '-s', 'user_t', '-t', 'disk', '-dt'), 'allow user_t disk:file { read write };\n');
  assert.equal(
    await search('-A', '-s', 'domain', '-t', 'qemu_virtdisk_t'),
    'allow user_t disk:file { read write };\nallow user_t qemu_virtdisk_t:file execute; [ off ]:True\n',
  );
  assert.equal(await search('--allow', '-s', 'domain', '-ds'), '');
  assert.equal(await search('-A', '-b', 'off'), 'allow user_t qemu_virtdisk_t:file execute; [ off ]:True\n');
  assert.equal(await search('-T', '-D', '^vm', '-rd'), 'type_transition user_t qemu_virtdisk_t:vm vm_user_t;\n');
  const { rules: found } = JSON.parse(await search('-T', '--json')) as {
    rules: { kind: string; from: { line: number }[] }[];
  };
  assert.equal(found[0]?.kind, 'type_transition');
  assert.ok((found[0]?.from[0]?.line ?? 0) > 1);
});

test('a search for nothing, or for what the policy does not have, is a usage error', async () => {
  for (const [options, says] of [
    [['-s', 'user_t'], /no kind of rule is asked for/],
    [['-A', '-s', 'nobody_t'], /the policy has no type or attribute `nobody_t`/],
    [['-A', '-c', 'file,'], /`file,` has an empty name/],
    [['-A', '-s', '(', '-rs'], /`\(` is not a regular expression/],
    [['-A', '-dx'], /Allowed choices are s, t/],
  ] as const) {
    const { status, stderr } = await carnet(['policy', 'search', small, ...options]);
    assert.equal(status, 2);
    assert.match(stderr, says);
  }
});

test('diff says what the second policy allows more, by domain, and ends like diff', async () => {
  const other = join(folder, 'other.conf');
  await writeFile(other, smallPolicy({ rules: `${rules} allow user_t other_t:file getattr; bool another true;` }));
  const differs = await carnet(['policy', 'diff', small, other]);
  assert.equal(differs.status, 1);
  assert.equal(
    differs.stdout,
    'user_t\n  + allow user_t other_t:file getattr;\nbesides what is allowed:\n  + bool another true;\n',
  );
  const machine = await carnet(['policy', 'diff', other, small, '-o', 'json']);
  const said = JSON.parse(machine.stdout) as { equal: boolean; domains: { domain: string; less: unknown[] }[] };
  assert.equal(said.equal, false);
  assert.deepEqual(said.domains[0]?.less, [
    { tclass: 'file', targets: ['other_t'], perms: ['getattr'], condition: '' },
  ]);
  const same = await carnet(['policy', 'diff', small, small]);
  assert.deepEqual([same.status, same.stdout], [0, 'no answer differs\n']);
});
