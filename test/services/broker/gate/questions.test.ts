import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../../../../services/broker/gate/decide.ts';
import type { GateAsk } from '../../../../services/broker/runtime/ports.ts';
import type { AnsweredQuestion } from '../../../../shared/vm/decision.ts';
import { asks, contexts, hostFacts } from '../../../support/gate/asks.ts';
import { loaded, shippedText, withoutRules, withRules } from '../../../support/gate/shipped.ts';

/*
 * The table of questions, action by action. Every access and every compute question of an action stands here with
 * what is missing when the rules that grant it are taken out of the shipped policy.
 */

const { operator: C, broker: L, peer: P, vm: T, disk: I, kernel: K, state: M, store: S } = contexts;

const useDisk = [
  `${C} ${I}:file { read getattr write }`,
  'allow carnet_operator_t qemu_virtdisk_t:file { read getattr write };',
];
const useKernel = [`${C} ${K}:file { read getattr }`, 'allow carnet_operator_t qemu_kernel_t:file { read getattr };'];
const enterDisk = [`${I} ${T}:vm { entrypoint }`, 'allow qemu_virtdisk_t vm_user_t:vm entrypoint;'];
const enterKernel = [`${K} ${T}:vm { entrypoint }`, 'allow qemu_kernel_t vm_user_t:vm entrypoint;'];
const enterState = [`${M} ${T}:vm { entrypoint }`, 'allow vm_user_state_t vm_user_t:vm entrypoint;'];
const runHere = [`${L} ${T}:process { transition }`, 'allow carnet_t vm_user_t:process transition;'];
const takeIn = [`${L} ${T}:vm { migrate_in }`, 'allow carnet_t vm_user_t:vm migrate_in;'];
const computed = [`type_transition ${C} ${I}:vm`, 'type_transition carnet_operator_t qemu_virtdisk_t:vm VM_DOMAIN;'];
const carried = [`type_transition ${P} ${T}:vm`];
const may = (...perms: string[]) => {
  const set = perms.length === 1 ? perms.join() : `{ ${perms.join(' ')} }`;
  return [`${C} ${T}:vm { ${perms.join(' ')} }`, `allow carnet_operator_t vm_user_t:vm ${set};`];
};
const valid = [T];
const enforcing = ['enforcing'];
const confined = ['confinement is required on this host'];

const table: Record<GateAsk['action'], string[][]> = {
  start: [useDisk, useKernel, computed, valid, enterDisk, enterKernel, may('start', 'transition'), runHere, confined],
  define: [computed, valid, may('define')],
  delete: [valid, may('delete')],
  stop: [valid, may('stop')],
  suspend: [valid, may('suspend')],
  resume: [valid, may('resume')],
  monitor: [valid, may('monitor')],
  recover: [valid, may('recover')],
  save: [
    may('save'),
    [`type_transition ${T} ${S}:file`, 'type_transition vm_user_t carnet_store_t:file STATE_TYPE;'],
    [`${L} ${M}:file { create write }`, 'allow carnet_t vm_user_state_t:file { create write };'],
  ],
  restore: [
    enforcing,
    [`${C} ${M}:file { read getattr }`, 'allow carnet_operator_t vm_user_state_t:file { read getattr };'],
    useDisk,
    useKernel,
    carried,
    valid,
    enterState,
    enterDisk,
    enterKernel,
    may('restore', 'transition'),
    takeIn,
    runHere,
    confined,
  ],
  drain: [[`${C} ${L}:vmhost { drain }`, 'allow carnet_operator_t carnet_t:vmhost drain;']],
  'migrate-out': [may('migrate_out'), [`${T} ${P}:vmhost { send_to }`, 'allow vm_user_t beta_host_t:vmhost send_to;']],
  'migrate-in': [
    enforcing,
    [`${P} ${L}:vmhost { accept_from }`, 'allow beta_host_t carnet_t:vmhost accept_from;'],
    useDisk,
    useKernel,
    carried,
    valid,
    enterDisk,
    enterKernel,
    may('transition'),
    takeIn,
    runHere,
    confined,
  ],
};

for (const action of Object.keys(table) as GateAsk['action'][]) {
  const rows = table[action];

  test(`${action} asks what the table says, in its order, and is allowed by the shipped policy`, async () => {
    const { outcome, questions, label } = decide(asks(action), loaded(await shippedText()), hostFacts);
    assert.deepEqual(
      questions.map(({ asked }) => asked),
      rows.map(([asked]) => asked),
    );
    assert.deepEqual(
      questions.filter(({ allowed }) => !allowed),
      [],
    );
    assert.equal(outcome, 'allowed');
    assert.equal(label, action === 'drain' ? undefined : T);
    assert.ok(questions.filter(({ kind }) => kind === 'access').every(({ rules }) => rules.length > 0));
  });

  for (const [asked = '', missing] of rows) {
    if (missing === undefined) continue;
    test(`${action} is refused for just one reason without the rules that grant ${missing}`, async () => {
      const text = await shippedText();
      const before = decide(asks(action), loaded(text), hostFacts).questions;
      const granting = before.find((question) => question.asked === asked)?.rules ?? [];
      const { outcome, questions } = decide(asks(action), loaded(withoutRules(text, granting)), hostFacts);
      assert.equal(outcome, 'refused');
      const refused = questions.filter(({ allowed }) => !allowed);
      assert.deepEqual(refused.map(told), [{ asked, reason: 'TE', missing }]);
      const others = before.filter((question) => question.asked !== asked && !dependsOn(asked, question, before));
      assert.deepEqual(questions.filter(({ allowed }) => allowed).map(told), others.map(told));
    });
  }
}

test('a userfaultfd is asked about in the label that policy gives it', async () => {
  const ask = { ...asks('migrate-in'), postcopy: true };
  const of = async (rules: string) => decide(ask, loaded(withRules(await shippedText(), rules)), hostFacts);
  const own = (await of('')).questions.find(({ asked }) => asked.includes(':anon_inode '));
  assert.deepEqual(
    [own?.asked, own?.allowed],
    [`${T} ${T.replace('operator_r', 'object_r')}:anon_inode { create ioctl read }`, true],
  );
  const named = `type vm_uffd_t;\ntype_transition vm_user_t vm_user_t:anon_inode vm_uffd_t "[userfaultfd]";\n`;
  const rule = 'allow vm_user_t vm_uffd_t:anon_inode { create ioctl read };';
  const { outcome, questions } = await of(named);
  assert.equal(outcome, 'refused');
  assert.deepEqual(
    questions.filter(({ allowed }) => !allowed).map(({ missing }) => missing),
    [rule],
  );
  assert.equal((await of(`${named}${rule}\n`)).outcome, 'allowed');
});

const told = ({ asked, reason, missing }: AnsweredQuestion) => ({ asked, reason, missing });

/** What is asked after a label that could not be computed is not asked. */
function dependsOn(asked: string, question: AnsweredQuestion, before: readonly AnsweredQuestion[]): boolean {
  const at = before.findIndex((other) => other.asked === asked);
  return before[at]?.kind === 'compute' && before.indexOf(question) > at;
}
