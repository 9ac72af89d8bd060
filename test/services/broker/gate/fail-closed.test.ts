import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Policy } from '../../../../policy/policy.ts';
import { ask } from '../../../../services/broker/gate/ask.ts';
import { decide } from '../../../../services/broker/gate/decide.ts';
import type { GateAsk } from '../../../../services/broker/runtime/ports.ts';
import type { Label } from '../../../../shared/label/label.ts';
import { asks, contexts, hostFacts, image } from '../../../support/gate/asks.ts';
import { loaded, shippedText, withoutStatement, withRules } from '../../../support/gate/shipped.ts';

const actions = ['start', 'define', 'stop', 'save', 'restore', 'migrate-out', 'migrate-in', 'drain'] as const;
const refusedOf = (verdict: ReturnType<typeof decide>) => verdict.questions.filter(({ allowed }) => !allowed);
const reasonsOf = (verdict: ReturnType<typeof decide>) => refusedOf(verdict).map(({ reason }) => reason);

for (const action of actions) {
  test(`${action} is refused without a policy`, () => {
    const verdict = decide(asks(action), undefined, hostFacts);
    assert.equal(verdict.outcome, 'refused');
    assert.deepEqual(reasonsOf(verdict), ['ENGINE']);
  });

  for (const method of ['canonical', 'computeAv', 'explain', 'declares'] as const) {
    test(`${action} is refused where the engine throws in ${method}`, async () => {
      const broken: Policy = {
        ...loaded(await shippedText()),
        [method]: () => {
          throw new Error('out of order');
        },
      };
      const verdict = decide(asks(action), broken, hostFacts);
      assert.equal(verdict.outcome, 'refused');
      assert.match(refusedOf(verdict).at(-1)?.asked ?? '', /out of order/);
    });
  }
}

test('start is refused where the engine says yes in one way of asking and no in the other', async () => {
  const policy = loaded(await shippedText());
  const generous: Policy = { ...policy, explain: () => ({ allowed: true, granting: [] }) };
  const client = contexts.monitor;
  const verdict = decide({ action: 'stop', client, label: contexts.vm }, generous, hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.deepEqual(reasonsOf(verdict), ['ENGINE']);
});

const undeclared: [GateAsk['action'], string, string][] = [
  ['migrate-out', 'send_to accept_from', 'accept_from'],
  ['restore', 'save restore migrate_out migrate_in', 'save migrate_out migrate_in'],
];
for (const [action, perms, fewer] of undeclared) {
  test(`${action} is refused where the policy does not know the permission, whatever handle_unknown says`, async () => {
    const policy = loaded(await shippedText());
    const without: Policy = {
      ...policy,
      declares: (tclass, asked) =>
        policy.declares(tclass, asked) &&
        asked.every((perm) => !perms.split(' ').includes(perm) || fewer.split(' ').includes(perm)),
    };
    const verdict = decide(asks(action), without, hostFacts);
    assert.equal(verdict.outcome, 'refused');
    assert.deepEqual(reasonsOf(verdict), ['UNKNOWN']);
  });
}

test('a policy without class vm refuses every action on a VM as unknown', async () => {
  const policy = loaded(kernelOnly);
  const client = 'u:r:a_t' as Label;
  const verdict = decide({ action: 'stop', client, label: client }, policy, hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.deepEqual(reasonsOf(verdict), ['UNKNOWN']);
});

const kernelOnly = `class file
sid kernel
class file { read }
type a_t;
role r;
role r types a_t;
allow a_t a_t:file read;
user u roles r;
sid kernel u:r:a_t
`;

const spellings: [string, Label][] = [
  ['an unknown type', 'operator_u:operator_r:nowhere_t:s0:c1,c2' as Label],
  ['an unknown user', 'nobody_u:operator_r:vm_user_t:s0:c1,c2' as Label],
  ['a role the user may not have', 'operator_u:system_r:vm_user_t:s0:c1,c2' as Label],
  ['a category beyond all', 'operator_u:operator_r:vm_user_t:s0:c1,c9999' as Label],
  ['no range', 'operator_u:operator_r:vm_user_t' as Label],
  ['categories out of order', 'operator_u:operator_r:vm_user_t:s0:c2,c1' as Label],
  ['a range spelt at length', 'operator_u:operator_r:vm_user_t:s0:c1,c2-s0:c1,c2' as Label],
  ['text after its range', 'operator_u:operator_r:vm_user_t:s0:c1,c2 -s0' as Label],
];
for (const [what, label] of spellings) {
  for (const action of ['stop', 'save', 'restore', 'migrate-out', 'migrate-in'] as const) {
    test(`${action} is refused for a VM label with ${what}`, async () => {
      const verdict = decide({ ...asks(action), label } as GateAsk, loaded(await shippedText()), hostFacts);
      assert.equal(verdict.outcome, 'refused');
      assert.ok(reasonsOf(verdict).includes('INVALID'));
    });
  }
}

test('the alias of a type is another spelling, and refused', async () => {
  const policy = loaded(withRules(await shippedText(), 'typealias vm_user_t alias user_vm_t;\n'));
  const label = 'operator_u:operator_r:user_vm_t:s0:c1,c2' as Label;
  assert.deepEqual(reasonsOf(decide({ ...asks('stop'), label }, policy, hostFacts)), ['INVALID', 'INVALID']);
});

test('a permissive domain gets no more than its rules give', async () => {
  const policy = loaded(withRules(await shippedText(), 'permissive carnet_monitor_t;\n'));
  const verdict = decide({ ...asks('stop'), client: contexts.monitor }, policy, hostFacts);
  assert.equal(verdict.outcome, 'refused');
  assert.deepEqual(reasonsOf(verdict), ['TE']);
});

for (const action of ['start', 'restore', 'migrate-in'] as const) {
  test(`${action} is refused where the process must be confined and cannot be`, async () => {
    const verdict = decide(asks(action), loaded(await shippedText()), { ...hostFacts, confined: false });
    assert.equal(verdict.outcome, 'refused');
    assert.deepEqual(reasonsOf(verdict), ['UNCONFINED']);
  });
}

for (const action of ['restore', 'migrate-in'] as const) {
  test(`${action} is refused on a permissive host`, async () => {
    const verdict = decide(asks(action), loaded(await shippedText()), { ...hostFacts, enforcing: false });
    assert.equal(verdict.outcome, 'refused');
    assert.deepEqual(reasonsOf(verdict), ['PERMISSIVE']);
  });
}

test('a permissive host allows what its rules refuse, and the refusal stays in the decision', async () => {
  const permissive = { ...hostFacts, enforcing: false };
  const verdict = decide({ ...asks('stop'), client: contexts.monitor }, loaded(await shippedText()), permissive);
  assert.equal(verdict.outcome, 'allowed');
  assert.deepEqual(reasonsOf(verdict), ['TE']);
});

test('a permissive host refuses all the same where there is no label, no valid context or no class', async () => {
  const permissive = { ...hostFacts, enforcing: false };
  const policy = loaded(await shippedText());
  assert.equal(decide({ ...asks('start'), client: contexts.intruder }, policy, permissive).outcome, 'refused');
  const label = 'operator_u:operator_r:nowhere_t:s0' as Label;
  assert.equal(decide({ ...asks('stop'), label }, policy, permissive).outcome, 'refused');
  const unknown: Policy = { ...policy, declares: () => false };
  assert.equal(decide(asks('stop'), unknown, permissive).outcome, 'refused');
});

test('the change of role that a start needs is refused as RBAC', async () => {
  const policy = loaded(withoutStatement(await shippedText(), 'allow system_r operator_r;'));
  const verdict = decide(asks('start'), policy, hostFacts);
  assert.equal(verdict.outcome, 'refused');
  const refused = refusedOf(verdict);
  assert.deepEqual(
    refused.map(({ reason, missing }) => ({ reason, missing })),
    [{ reason: 'RBAC', missing: 'allow system_r operator_r;' }],
  );
});

test('no rule is offered that a neverallow forbids; the neverallow is named', async () => {
  const client = contexts.monitor;
  const verdict = decide({ action: 'stop', client, label: contexts.vm }, loaded(await shippedText()), hostFacts);
  assert.deepEqual(
    refusedOf(verdict).map(({ reason, missing, blocking }) => ({ reason, missing, blocking: blocking?.text })),
    [{ reason: 'TE', missing: undefined, blocking: 'neverallow carnet_monitor_t vm_domain:vm ~monitor;' }],
  );
});

test('permissions that are missing together are offered as one rule', async () => {
  const policy = loaded(await shippedText());
  const [answer] = ask(policy, {
    kind: 'access',
    why: 'test',
    source: contexts.peer,
    target: contexts.store,
    tclass: 'file',
    perms: ['write', 'read'],
  });
  assert.equal(answer?.missing, 'allow beta_host_t carnet_store_t:file { write read };');
});

const clearances: [string, GateAsk][] = [
  ['a client that is not cleared for the VM', { ...asks('stop'), client: cleared(contexts.operator, 's0') }],
  [
    'a VM that is to leave for a host that is not cleared for it',
    { ...asks('migrate-out'), peer: cleared(contexts.peer, 's0') },
  ],
  ['a disk above the VM', { ...asks('migrate-in'), images: [image('disk.raw', cleared(contexts.disk, 's0:c1.c3'))] }],
  ['a disk below the VM', { ...asks('migrate-in'), images: [image('disk.raw', cleared(contexts.disk, 's0:c1'))] }],
  ['a saved state below the VM', { ...asks('restore'), stateLabel: cleared(contexts.state, 's0') }],
  ['a VM with a range of levels that is to be saved', { ...asks('save'), label: cleared(contexts.vm, 's0-s0:c1,c2') }],
];
for (const [what, asked] of clearances) {
  test(`a constraint refuses ${what}, and is named with the values it had`, async () => {
    const verdict = decide(asked, loaded(await shippedText()), hostFacts);
    assert.equal(verdict.outcome, 'refused');
    assert.ok(refusedOf(verdict).length > 0);
    for (const { reason, blocking, values, missing } of refusedOf(verdict)) {
      assert.equal(reason, 'CONS');
      assert.match(blocking?.text ?? '', /^mlsconstrain /);
      assert.match(values ?? '', /\(s\d[^()]*: false\)/);
      assert.equal(missing, undefined);
    }
  });
}

test('a broker that is not cleared for a VM takes it neither in nor starts it', async () => {
  const facts = { ...hostFacts, label: cleared(contexts.broker, 's0') };
  const verdict = decide(asks('migrate-in'), loaded(await shippedText()), facts);
  const refused = refusedOf(verdict).map(({ asked, reason }) => [/\{ \w+ \}/.exec(asked)?.[0], reason]);
  assert.deepEqual(refused, [
    ['{ migrate_in }', 'CONS'],
    ['{ transition }', 'CONS'],
  ]);
});

function cleared(label: Label, range: string): Label {
  return [...label.split(':').slice(0, 3), range].join(':') as Label;
}

test('of an access question that is granted in part, each part is answered for itself', async () => {
  const policy = loaded(
    (await shippedText()).replace(
      'allow carnet_operator_t vm_image:file { getattr open read write append ioctl lock map };',
      'allow carnet_operator_t vm_image:file { getattr read };',
    ),
  );
  const answers = decide(asks('start'), policy, hostFacts)
    .questions.filter(({ why }) => why.includes('disk.raw'))
    .slice(0, 2);
  const { operator, disk } = contexts;
  assert.deepEqual(
    answers.map(({ asked, allowed, missing }) => ({ asked, allowed, missing })),
    [
      { asked: `${operator} ${disk}:file { read getattr }`, allowed: true, missing: undefined },
      {
        asked: `${operator} ${disk}:file { write }`,
        allowed: false,
        missing: 'allow carnet_operator_t qemu_virtdisk_t:file write;',
      },
    ],
  );
});

test('a read-only disk is asked for reading alone', async () => {
  const images = [image('disk.raw', contexts.disk, { readonly: true })];
  const { questions } = decide({ ...asks('start'), images }, loaded(await shippedText()), hostFacts);
  assert.match(questions[0]?.asked ?? '', /file \{ read getattr \}$/);
});

const pulled = { ...asks('migrate-in'), postcopy: true };

test('post-copy is refused where policy cannot label a userfaultfd, or does not know the class', async () => {
  const policy = loaded(await shippedText());
  const unlabelled: Policy = {
    ...policy,
    computeTransition: (scon, tcon, tclass, name) =>
      tclass === 'anon_inode'
        ? { ok: false, reason: 'INVALID_RESULT' }
        : policy.computeTransition(scon, tcon, tclass, name),
  };
  assert.deepEqual(reasonsOf(decide(pulled, unlabelled, hostFacts)), ['INVALID']);
  const unknown: Policy = {
    ...unlabelled,
    declares: (tclass, perms) => tclass !== 'anon_inode' && policy.declares(tclass, perms),
  };
  assert.deepEqual(reasonsOf(decide(pulled, unknown, hostFacts)), ['UNKNOWN']);
  assert.equal(decide(asks('migrate-in'), unknown, hostFacts).outcome, 'allowed');
});
