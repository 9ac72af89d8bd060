import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../../../../services/broker/gate/decide.ts';
import type { Label } from '../../../../shared/label/label.ts';
import { asks, contexts, hostFacts, image } from '../../../support/gate/asks.ts';
import { loaded, shippedText, withoutStatement, withRules } from '../../../support/gate/shipped.ts';

const refusedOf = (verdict: ReturnType<typeof decide>) =>
  verdict.questions.filter(({ allowed }) => !allowed).map(({ kind, reason, result }) => ({ kind, reason, result }));

test("the RFC's type_change labels the VM where no type_transition matches, and keeps its user and role", async () => {
  const client = 'user_u:user_r:user_t:s0' as Label;
  const disk = image('disk.raw', 'system_u:object_r:qemu_virtdisk_t:s0' as Label);
  const verdict = decide({ action: 'start', client, images: [disk] }, loaded(await shippedText()), hostFacts);
  assert.equal(verdict.outcome, 'allowed');
  assert.equal(verdict.label, 'user_u:user_r:vm_user_t:s0');
  assert.match(verdict.questions.find(({ kind }) => kind === 'compute')?.asked ?? '', /^type_change /);
});

test('a VM labelled by type_change may not be made of a disk with categories', async () => {
  const client = 'user_u:user_r:user_t:s0-s3:c0.c1023' as Label;
  const images = [image('disk.raw', contexts.disk)];
  const verdict = decide({ action: 'start', client, images }, loaded(await shippedText()), hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.deepEqual(refusedOf(verdict), [{ kind: 'access', reason: 'CONS', result: undefined }]);
});

test('a type_transition wins over a type_change', async () => {
  const policy = loaded(withRules(await shippedText(), 'type_change carnet_operator_t qemu_virtdisk_t:vm user_t;\n'));
  assert.equal(decide(asks('start'), policy, hostFacts).label, contexts.vm);
});

test('a computed label that is not valid refuses the start, names the label, and nothing more is asked', async () => {
  const policy = loaded(withoutStatement(await shippedText(), 'role operator_r types vm_user_t;'));
  const verdict = decide(asks('start'), policy, hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.equal(verdict.label, undefined);
  assert.equal(verdict.questions.at(-1)?.kind, 'compute');
  assert.deepEqual(refusedOf(verdict), [{ kind: 'compute', reason: 'INVALID', result: contexts.vm }]);
});

test('an invalid type_transition is not replaced by a type_change that is valid', async () => {
  const text = withoutStatement(await shippedText(), 'role operator_r types vm_user_t;');
  const rules = 'type other_vm_t, domain, vm_domain; role operator_r types other_vm_t;\n';
  const policy = loaded(withRules(text, `${rules}type_change carnet_operator_t qemu_virtdisk_t:vm other_vm_t;\n`));
  assert.equal(decide(asks('start'), policy, hostFacts).outcome, 'refused');
});

test('a VM without a disk has no label and is refused', async () => {
  const kernel = image('vmlinuz', contexts.kernel, { role: 'kernel' });
  const verdict = decide({ ...asks('start'), images: [kernel] }, loaded(await shippedText()), hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.match(verdict.questions.at(-1)?.asked ?? '', /no disk/);
});

/** beta's VMs become guests here: a domain of their own that everything is granted for. */
const translation = `
type vm_guest_t, domain, vm_domain;
role operator_r types vm_guest_t;
role system_r types vm_guest_t;
type_transition beta_host_t vm_user_t:vm vm_guest_t;
allow carnet_t vm_guest_t:process transition;
allow carnet_t vm_guest_t:vm migrate_in;
allow { qemu_virtdisk_t qemu_kernel_t vm_user_state_t } vm_guest_t:vm entrypoint;
`;

for (const action of ['migrate-in', 'restore'] as const) {
  test(`${action}: a rule for the host a VM comes from translates its type, and carries user, role and range`, async () => {
    const policy = loaded(withRules(await shippedText(), translation));
    const verdict = decide(asks(action), policy, hostFacts);
    assert.deepEqual(refusedOf(verdict), []);
    assert.equal(verdict.label, 'operator_u:operator_r:vm_guest_t:s0:c1,c2');
    const asked = verdict.questions.map((question) => question.asked);
    const guest = verdict.label;
    assert.ok(asked.includes(`${contexts.operator} ${contexts.vm}:vm { relabelfrom }`));
    assert.ok(asked.includes(`${contexts.operator} ${guest}:vm { relabelto }`));
    assert.ok(asked.includes(`validatetrans ${contexts.vm} ${guest} ${contexts.operator}:vm`));
    assert.ok(asked.includes(`${contexts.broker} ${guest}:process { transition }`));
  });

  for (const perm of ['relabelfrom', 'relabelto']) {
    test(`${action}: a translated label needs ${perm}`, async () => {
      const text = (await shippedText()).replace(
        'allow carnet_operator_t vm_domain:vm { relabelfrom relabelto };',
        `allow carnet_operator_t vm_domain:vm ${perm === 'relabelto' ? 'relabelfrom' : 'relabelto'};`,
      );
      const verdict = decide(asks(action), loaded(withRules(text, translation)), hostFacts);
      assert.equal(verdict.outcome, 'refused');
      const type = perm === 'relabelfrom' ? 'vm_user_t' : 'vm_guest_t';
      const missing = verdict.questions.filter(({ allowed }) => !allowed).map((question) => question.missing);
      assert.deepEqual(missing, [`allow carnet_operator_t ${type}:vm ${perm};`]);
    });
  }

  test(`${action}: a translated label needs validatetrans, and the false rule is named`, async () => {
    const text = withRules(await shippedText(), translation).replace(
      'sid kernel system_u',
      'validatetrans vm ( t3 == user_t );\nsid kernel system_u',
    );
    const verdict = decide(asks(action), loaded(text), hostFacts);
    assert.equal(verdict.outcome, 'refused');
    const [refused, ...others] = verdict.questions.filter(({ allowed }) => !allowed);
    assert.deepEqual(others, []);
    assert.equal(refused?.kind, 'relabel');
    assert.equal(refused?.reason, 'CONS');
    assert.match(refused?.blocking?.text ?? '', /validatetrans vm \( t3 == user_t \)/);
  });
}

test("a rule for one host does not translate what comes from another, nor this host's own checkpoints", async () => {
  const policy = loaded(withRules(await shippedText(), translation));
  const peer = 'system_u:system_r:alpha_host_t:s0-s3:c0.c1023' as Label;
  assert.equal(decide({ ...asks('migrate-in'), peer }, policy, hostFacts).label, contexts.vm);
  const { peer: _, ...own } = asks('restore');
  const verdict = decide(own, policy, hostFacts);
  assert.equal(verdict.label, contexts.vm);
  assert.equal(verdict.outcome, 'allowed');
});

test('a translation to a type the role may not have is refused as an invalid label', async () => {
  const text = withRules(await shippedText(), translation.replace('role operator_r types vm_guest_t;\n', ''));
  const verdict = decide(asks('migrate-in'), loaded(text), hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.ok(refusedOf(verdict).some(({ kind, reason }) => kind === 'valid' && reason === 'INVALID'));
});
