import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Label } from '../../../shared/label/label.ts';
import type { AnsweredQuestion, Decision } from '../../../shared/vm/decision.ts';
import { refusalSentence, remedyOf, renderDecision } from '../../../shared/vm/decision-text.ts';
import {
  accessAsked,
  computeAsked,
  parseAccessAsked,
  parseComputeAsked,
  parseRelabelAsked,
  relabelAsked,
} from '../../../shared/vm/question-notation.ts';

const question: AnsweredQuestion = {
  kind: 'access',
  why: "the image disk may be an entrypoint of the VM's domain",
  asked: 'a:b:disk_t:s0 a:b:vm_t:s0:vm { entrypoint }',
  allowed: false,
  rules: [],
  reason: 'TE',
  missing: 'allow disk_t vm_t:vm entrypoint;',
};
const decision = (...questions: AnsweredQuestion[]): Decision => ({
  outcome: questions.every(({ allowed }) => allowed) ? 'allowed' : 'refused',
  moment: 'offer',
  action: 'migrate-in',
  label: 'a:b:vm_t:s0' as Label,
  questions,
  policy: { digest: 'f'.repeat(64), seqno: 7, enforcing: true },
  host: 'gamma',
  decidedAtMs: 0,
});
const { reason: _reason, missing: _missing, ...bare } = question;
const granted: AnsweredQuestion = {
  ...bare,
  allowed: true,
  rules: [{ text: 'allow x y:vm z;', file: 'm.te', line: 3 }],
};

test('a refusal in one sentence names what was not granted and what is missing', () => {
  assert.equal(
    refusalSentence(decision(granted, question)),
    "gamma refuses migrate-in: not granted that the image disk may be an entrypoint of the VM's domain; " +
      'missing: allow disk_t vm_t:vm entrypoint;',
  );
  assert.match(refusalSentence(decision(question, question, question)), / \(and 2 more\)$/);
});

test('a decision that allows has no refusal, and a permissive one has none either', () => {
  assert.equal(refusalSentence(decision(granted)), '');
  assert.equal(refusalSentence({ ...decision(question), outcome: 'allowed' }), '');
});

test('where no rule can help, what is in the way is named', () => {
  const blocking = { text: 'mlsconstrain vm start ( h1 dom h2 );', file: 'mls.te', line: 9 };
  assert.match(remedyOf({ ...bare, reason: 'CONS', blocking }), /^in the way: mlsconstrain .* \(mls\.te:9\)$/);
  const values = 'h1 dom h2 (s0, s1: false)';
  assert.match(
    remedyOf({ ...bare, reason: 'CONS', blocking, values }),
    /\(mls\.te:9\), here: h1 dom h2 \(s0, s1: false\)$/,
  );
  assert.match(remedyOf({ ...bare, reason: 'UNKNOWN' }), /^the policy does not declare /);
  assert.match(remedyOf({ ...bare, reason: 'ENGINE' }), /^there was no answer: /);
});

test('a decision in lines shows every question with its answer and its rules', () => {
  const lines = renderDecision(decision(granted, question));
  assert.equal(lines[0], 'refused: migrate-in on gamma at offer (policy ffffffffffff, seqno 7, enforcing)');
  assert.ok(lines.includes('      by m.te:3 allow x y:vm z;'));
  assert.ok(lines.includes('      TE, missing: allow disk_t vm_t:vm entrypoint;'));
});

test('the notation of a question reads back', () => {
  const access = {
    scontext: 'a:b:c:s0-s1:c0.c3',
    tcontext: 'a:b:d:s0:c1,c2',
    tclass: 'vm',
    perms: ['start', 'transition'],
  };
  assert.deepEqual(parseAccessAsked(accessAsked(access)), access);
  const compute = { rule: 'type_change', scontext: 'a:b:c', tcontext: 'a:b:d:s0:c1', tclass: 'vm' } as const;
  assert.deepEqual(parseComputeAsked(computeAsked(compute)), compute);
  const relabel = { oldcontext: 'a:b:c', newcontext: 'a:b:d:s0:c1', taskcontext: 'a:b:e:s0', tclass: 'vm' };
  assert.deepEqual(parseRelabelAsked(relabelAsked(relabel)), relabel);
});

for (const asked of ['', 'policy', 'a:b:c:s0 - s1 a:b:d:vm { x }', 'a:b:c a:b:d:vm {}', 'a:b:c a:b:d:vm { x } y']) {
  test(`\`${asked}\` is no access question`, () => assert.equal(parseAccessAsked(asked), undefined));
}
