import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createGate,
  type DecisionLog,
  type GateOptions,
  noPolicyDigest,
} from '../../../../services/broker/gate/gate.ts';
import { check } from '../../../../shared/schema/schema.ts';
import type { Clock } from '../../../../shared/time/clock.ts';
import { type Decision, decision as decisionSchema, refusedQuestions } from '../../../../shared/vm/decision.ts';
import { asks, contexts, hostFacts, image } from '../../../support/gate/asks.ts';
import { loaded, shippedText, withRules } from '../../../support/gate/shipped.ts';

const about = { vm: 'demo', operation: 'op-1', by: 'operator' };

/** A clock whose timers fire when the test says so. */
function manualClock(): Clock & { fire(): void; pending(): number } {
  const timers = new Set<() => void>();
  return {
    nowMs: () => 1_700_000_000_123,
    after(_delayMs, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
    fire: () => {
      for (const timer of timers) timer();
    },
    pending: () => timers.size,
  };
}

async function gateWith(options: Partial<GateOptions> = {}) {
  const policy = loaded(await shippedText());
  const written: Decision[] = [];
  const clock = manualClock();
  const audit: DecisionLog = { write: async (decision) => void written.push(decision) };
  const { confined, mustConfine, enforcing } = hostFacts;
  const gate = createGate({
    policy: () => policy,
    host: 'alpha',
    hostLabel: contexts.broker,
    storeLabel: contexts.store,
    confined: () => confined,
    mustConfine,
    enforcing,
    clock,
    audit,
    ...options,
  });
  return { gate, written, clock, policy };
}

test('a decision says what was decided, under which policy, when and where', async () => {
  const { gate, policy } = await gateWith();
  const { questions, ...decision } = await gate.decide(asks('start'), 'request', about);
  assert.deepEqual(decision, {
    outcome: 'allowed',
    moment: 'request',
    action: 'start',
    label: contexts.vm,
    policy: { digest: policy.digest, seqno: 1, enforcing: true },
    host: 'alpha',
    decidedAtMs: 1_700_000_000_123,
  });
  assert.equal(questions.length, 9);
});

test('a decision is answered only after it was written', async () => {
  const writing = Promise.withResolvers<void>();
  let begun = false;
  const write = () => {
    begun = true;
    return writing.promise;
  };
  const { gate } = await gateWith({ audit: { write } });
  let answered = false;
  const deciding = gate.decide(asks('stop'), 'request', about).then((decision) => {
    answered = true;
    return decision;
  });
  await new Promise(setImmediate);
  assert.equal(begun, true);
  assert.equal(answered, false);
  writing.resolve();
  assert.equal((await deciding).outcome, 'allowed');
});

test('what was written is what is answered', async () => {
  const { gate, written } = await gateWith();
  const refused = await gate.decide({ ...asks('stop'), client: contexts.monitor }, 'run', about);
  assert.deepEqual(written, [refused]);
});

test('a decision that cannot be written is a refusal', async () => {
  const write = () => Promise.reject(new Error('the disk is full'));
  const { gate, clock } = await gateWith({ audit: { write } });
  const decision = await gate.decide(asks('start'), 'request', about);
  assert.equal(decision.outcome, 'refused');
  assert.match(refusedQuestions(decision)[0]?.asked ?? '', /the disk is full/);
  assert.equal(clock.pending(), 0);
});

test('a decision that is not written in time is a refusal', async () => {
  const { gate, clock } = await gateWith({ audit: { write: () => Promise.withResolvers<void>().promise } });
  const deciding = gate.decide(asks('start'), 'request', about);
  clock.fire();
  const decision = await deciding;
  assert.equal(decision.outcome, 'refused');
  assert.deepEqual(
    refusedQuestions(decision).map(({ reason }) => reason),
    ['ENGINE'],
  );
});

test('an audit log that throws at once is a refusal too', async () => {
  const write = () => {
    throw new Error('no log');
  };
  const { gate } = await gateWith({ audit: { write } });
  assert.equal((await gate.decide(asks('start'), 'request', about)).outcome, 'refused');
});

for (const [what, policy] of [
  ['no policy', () => undefined],
  [
    'a policy that cannot be had',
    () => {
      throw new Error('locked');
    },
  ],
] as const) {
  test(`with ${what} everything is refused, and on record`, async () => {
    const { gate, written } = await gateWith({ policy });
    const decision = await gate.decide(asks('monitor'), 'request', about);
    assert.equal(decision.outcome, 'refused');
    assert.deepEqual(decision.policy, { digest: noPolicyDigest, seqno: 0, enforcing: true });
    assert.deepEqual(written, [decision]);
    assert.equal(gate.stateLabel(contexts.vm), undefined);
  });
}

test('the label of the saved state is the one that save asks about', async () => {
  const { gate } = await gateWith();
  const saved = await gate.decide(asks('save'), 'request', about);
  const computed = saved.questions.find(({ kind }) => kind === 'compute')?.result;
  assert.equal(gate.stateLabel(contexts.vm), computed);
  assert.equal(computed, contexts.state);
});

test('a decision is taken under the policy in force at that moment', async () => {
  const policies = [loaded(await shippedText()), loaded(await shippedText('no-entrypoint'))];
  const { gate } = await gateWith({ policy: () => policies.shift() });
  assert.equal((await gate.decide(asks('migrate-in'), 'offer', about)).outcome, 'allowed');
  const later = await gate.decide(asks('migrate-in'), 'switchover', about);
  assert.equal(later.outcome, 'refused');
  assert.deepEqual(
    refusedQuestions(later).map(({ missing }) => missing),
    ['allow qemu_virtdisk_t vm_user_t:vm entrypoint;'],
  );
});

test('a decision can be sent whatever the policy holds: rules over many lines, many rules, long rules', async () => {
  const many = Array.from(
    { length: 40 },
    (_, n) => `allow carnet_operator_t vm_domain:vm {\n\tstart\n\tstop }; # ${n}`,
  );
  const types = Array.from({ length: 300 }, (_, n) => `type long_type_name_${n}_t, vm_image;`);
  const long = `allow carnet_operator_t { ${types.map((_, n) => `long_type_name_${n}_t`).join(' ')} qemu_virtdisk_t }:file read;`;
  const policy = loaded(withRules(await shippedText(), [...types, ...many, long].join('\n')));
  const { gate } = await gateWith({ policy: () => policy });
  const images = Array.from({ length: 16 }, (_, n) => image(`disk-${n}`, contexts.disk));
  const decision = await gate.decide({ ...asks('restore'), images }, 'request', about);
  assert.deepEqual(check(decisionSchema, decision), { ok: true, value: decision });
});
