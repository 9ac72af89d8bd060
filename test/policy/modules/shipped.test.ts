import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPolicy, hostsIn } from '../../../policy/build-modules.ts';
import { loadPolicy } from '../../../policy/load.ts';
import { contexts } from '../../support/gate/asks.ts';
import { loaded, shippedText, withRules } from '../../support/gate/shipped.ts';
import { askEngine } from '../../support/policy/ask-engine.ts';
import { askLibsepol, compile, type Question, withTemporaryFolder } from '../../support/policy/checkpolicy.ts';

const hosts = await hostsIn();

for (const host of hosts) {
  test(`checkpolicy takes the policy of a host that is ${host}`, async () => {
    const { text } = await buildPolicy({ host });
    const compiled = withTemporaryFolder((folder) => compile(folder, text, true));
    assert.deepEqual(compiled, { ok: true, output: '' });
  });

  test(`the engine loads the policy of a host that is ${host} without a warning`, async () => {
    const { text } = await buildPolicy({ host });
    const result = loadPolicy([{ file: 'policy.conf', text }]);
    assert.deepEqual(result.ok ? result.warnings : result.diagnostics, []);
  });

  test(`libsepol and the engine agree on every question of the demo where a host is ${host}`, async () => {
    const text = await shippedText(host);
    const questions = everyQuestion();
    const answers = askEngine(loaded(text), questions);
    const expected = withTemporaryFolder((folder) => {
      compile(folder, text, true);
      return askLibsepol(folder, true, questions);
    });
    assert.deepEqual(answers, expected);
    assert.ok(answers.filter((answer) => answer !== '').length > 100, 'the questions have answers');
  });
}

/** Every context of the demo towards every other, for every class that Carnet asks about. */
function everyQuestion(): Question[] {
  const all = [...Object.values(contexts), 'user_u:user_r:user_t:s0', 'user_u:user_r:vm_user_t:s0'];
  const questions: Question[] = all.map((context) => ({ ask: 'context', context }));
  for (const source of all) {
    for (const target of all) {
      for (const tclass of ['vm', 'vmhost', 'file', 'process']) questions.push({ ask: 'av', source, target, tclass });
      for (const tclass of ['vm', 'file']) questions.push({ ask: 'transition', source, target, tclass });
      questions.push({ ask: 'change', source, target, tclass: 'vm' });
    }
    questions.push({ ask: 'validate', before: contexts.vm, after: source, task: contexts.operator, tclass: 'vm' });
  }
  return questions;
}

test('a host without the entrypoint rule differs from an accepting one in that rule alone', async () => {
  const rulesOf = async (host: string) =>
    (await shippedText(host)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const lacking = await rulesOf('no-entrypoint');
  const more = (await rulesOf('accepting')).filter((line) => !lacking.includes(line));
  assert.deepEqual(more, ['allow qemu_virtdisk_t vm_user_t:vm entrypoint;']);
});

test("the RFC's three rules stand in the policy and give the RFC's answers", async () => {
  const policy = loaded(await shippedText());
  const user = 'user_u:user_r:user_t:s0';
  const disk = 'system_u:object_r:qemu_virtdisk_t:s0';
  assert.ok(policy.computeAv(user, disk, 'file').allowed.includes('read'));
  const computed = policy.computeChange(user, disk, 'vm');
  assert.equal(computed.ok && computed.context, 'user_u:user_r:vm_user_t:s0');
  assert.equal(computed.ok && computed.rule?.text, 'type_change user_t qemu_virtdisk_t:vm vm_user_t;');
  assert.equal(policy.hasTypeRule('type_transition', user, disk, 'vm'), false);
  const { allowed, granting } = policy.explain(disk, 'user_u:user_r:vm_user_t:s0', 'vm', 'entrypoint');
  assert.ok(allowed);
  assert.deepEqual(
    granting.map(({ text }) => text),
    ['allow qemu_virtdisk_t vm_user_t:vm entrypoint;'],
  );
});

test("a type_transition keeps the image's categories, which the RFC's type_change loses", async () => {
  const policy = loaded(await shippedText());
  const transition = policy.computeTransition(contexts.operator, contexts.disk, 'vm');
  assert.equal(transition.ok && transition.context, 'operator_u:operator_r:vm_user_t:s0:c1,c2');
  const change = policy.computeChange('user_u:user_r:user_t:s0-s3:c0.c1023', contexts.disk, 'vm');
  assert.equal(change.ok && change.context, 'user_u:user_r:vm_user_t:s0');
});

test('line marks lead back to the modules', async () => {
  const { text } = await buildPolicy({ host: 'accepting' });
  const result = loadPolicy([{ file: 'policy.conf', text }]);
  assert.ok(result.ok);
  const { granting } = result.policy.explain(contexts.disk, contexts.vm, 'vm', 'entrypoint');
  assert.deepEqual(
    granting.map(({ file, line }) => `${file}:${line}`),
    ['hosts/accepting.te:2'],
  );
});

const violations = [
  ['a client starts a VM process itself', 'allow carnet_operator_t vm_user_t:process transition;'],
  ['a client takes VMs in', 'allow carnet_operator_t vm_user_t:vm migrate_in;'],
  ['a client writes saved state', 'allow carnet_operator_t vm_user_state_t:file write;'],
  ['the broker starts something that is no VM', 'allow carnet_t user_t:process transition;'],
  ['something that is neither image nor saved state is an entrypoint', 'allow user_t vm_user_t:vm entrypoint;'],
  ['a peer reads disks', 'allow beta_host_t qemu_virtdisk_t:file read;'],
  ['a peer acts on VMs', 'allow beta_host_t vm_user_t:vm stop;'],
  ['the monitor stops VMs', 'allow carnet_monitor_t vm_user_t:vm stop;'],
  ['an image that VMs share is written', 'allow vm_user_t qemu_kernel_t:file write;'],
  ['the monitor drains a host', 'allow carnet_monitor_t carnet_t:vmhost drain;'],
  ['a VM drains its host', 'allow vm_user_t carnet_t:vmhost drain;'],
  ['a client poses as a host', 'allow carnet_operator_t carnet_t:vmhost accept_from;'],
] as const;

for (const [what, rule] of violations) {
  test(`the policy does not compile where ${what}`, async () => {
    const text = withRules(await shippedText(), `${rule}\n`);
    const { ok, output } = withTemporaryFolder((folder) => compile(folder, text, true));
    assert.equal(ok, false);
    assert.match(output, /neverallow/);
  });
}

test('the broker may ask the kernel every question of a decision, and no client may', async () => {
  const policy = loaded(await shippedText());
  const security = 'system_u:object_r:security_t:s0';
  const asking = 'compute_av compute_create compute_member check_context compute_relabel read_policy validate_trans';
  assert.deepEqual(policy.computeAv(contexts.broker, security, 'security').allowed, asking.split(' '));
  assert.deepEqual(policy.computeAv(contexts.operator, security, 'security').allowed, []);
});
