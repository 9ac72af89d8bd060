import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelOn } from '../../../../policy/kernel/kernel.ts';
import { createGate, type DecisionLog, type GateOptions } from '../../../../services/broker/gate/gate.ts';
import { createKernelHolder } from '../../../../services/broker/gate/kernel-holder.ts';
import { openPolicy } from '../../../../services/broker/gate/open-policy.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Decision } from '../../../../shared/vm/decision.ts';
import { asks, contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';
import { fakeSelinuxfs } from '../../../support/kernel/fake-selinuxfs.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const about = { vm: 'web', by: 'operator' };
const loadable = (text: string) => ({
  policy: loaded(text),
  classes: [...text.matchAll(/^class (\w+)$/gm)].map(([, name = '']) => name),
});
const accepting = loadable(await shippedText());
const refusing = loadable(await shippedText('no-entrypoint'));

const gateOver = (policy: GateOptions['policy'], write: DecisionLog['write']) =>
  createGate({
    policy,
    host: 'alpha',
    hostLabel: contexts.broker,
    storeLabel: contexts.store,
    confined: () => true,
    mustConfine: true,
    enforcing: true,
    clock: createManualClock(),
    audit: { write },
  });

/** A gate that asks a kernel with the shipped policy, and what is on record in the order it was written. */
function host(options: { record?: (what: string) => Promise<void> } = {}) {
  const fs = fakeSelinuxfs(accepting);
  const written: string[] = [];
  const record = options.record ?? (async (what: string) => void written.push(what));
  const kernel = kernelOn(fs, (bytes) => (Buffer.from(bytes).includes('policy 1 ') ? accepting : refusing).policy);
  const holder = createKernelHolder({ kernel, onLoad: ({ seqno }) => record(`policy ${seqno}`) });
  const gate = gateOver(holder.current, ({ outcome, policy }) => record(`${outcome} under ${policy.seqno}`));
  return { fs, written, holder, gate };
}

const answersOf = ({ questions }: Decision) =>
  questions.map(({ asked, allowed, result }) => ({ asked, allowed, result }));

test('a decision of the kernel is the one that the engine takes by the same policy', async () => {
  for (const action of ['start', 'migrate-in', 'restore', 'save'] as const) {
    const { gate } = host();
    const byKernel = await gate.decide(asks(action), 'request', about);
    const byEngine = await gateOver(
      () => accepting.policy,
      async () => {},
    ).decide(asks(action), 'request', about);
    assert.equal(byKernel.outcome, 'allowed');
    assert.equal(byKernel.label, byEngine.label);
    assert.deepEqual(answersOf(byKernel), answersOf(byEngine));
  }
});

test('each policy is on record before the first decision under it, and once', async () => {
  const { fs, gate, written } = host();
  await gate.decide(asks('start'), 'request', about);
  await gate.decide(asks('start'), 'request', about);
  fs.loadLater(refusing, 1, 1);
  await gate.decide(asks('start'), 'request', about);
  assert.deepEqual(written, ['policy 1', 'allowed under 1', 'allowed under 1', 'policy 2', 'refused under 2']);
});

test('a policy that is replaced in the middle of a decision decides nothing: the decision is of one policy', async () => {
  const outcomes = new Set<string>();
  const undisturbed = host();
  await undisturbed.gate.decide(asks('start'), 'request', about);
  for (let shownAt = 1; shownAt <= undisturbed.fs.opened.length + 5; shownAt += 5) {
    const { fs, gate } = host();
    fs.loadLater(refusing, shownAt, shownAt + 1);
    const decision = await gate.decide(asks('start'), 'request', about);
    const one = decision.policy.seqno === 1 ? accepting : refusing;
    assert.equal(decision.outcome, one === accepting ? 'allowed' : 'refused', `loaded at ${shownAt}`);
    assert.equal(
      decision.questions.some(({ reason }) => reason === 'ENGINE'),
      false,
      `loaded at ${shownAt}`,
    );
    outcomes.add(`${decision.policy.seqno} ${decision.outcome}`);
  }
  assert.deepEqual(outcomes, new Set(['1 allowed', '2 refused']));
});

test('a policy that never holds still decides nothing: refused', async () => {
  const { fs, gate } = host();
  const { read } = fs;
  let opened = 0;
  fs.read = (path, bytesMax) => {
    // Another policy as soon as one was read.
    if (path === 'policy') fs.loadLater(opened++ % 2 === 0 ? refusing : accepting, 3, 3);
    return read(path, bytesMax);
  };
  const decision = await gate.decide(asks('start'), 'request', about);
  assert.equal(decision.outcome, 'refused');
  assert.match(decision.questions.at(-1)?.asked ?? '', /no longer number/);
});

test('nothing is allowed under a policy that is not on record, and the next decision tries again', async () => {
  let works = false;
  const written: string[] = [];
  const { gate } = host({
    record: async (what) => {
      if (!works) throw new Error('the disk is full');
      written.push(what);
    },
  });
  assert.equal((await gate.decide(asks('start'), 'request', about)).outcome, 'refused');
  works = true;
  assert.equal((await gate.decide(asks('start'), 'request', about)).outcome, 'allowed');
  assert.deepEqual(written, ['policy 1', 'allowed under 1']);
});

test('a process is held in its domain by a kernel that enforces, and by no other', () => {
  const fs = fakeSelinuxfs(accepting);
  const status = (enforcing: number) => Buffer.from(Uint32Array.of(1, 0, enforcing, 0, 1).buffer).toString('latin1');
  const { holdsProcesses } = openPolicy({
    cacheDirectory: '',
    onLoad: async () => {},
    kernelHere: () => kernelOn(fs),
  });
  fs.instead.set('status', { ok: true, value: status(1) });
  assert.equal(holdsProcesses(), true);
  fs.instead.set('status', { ok: true, value: status(0) });
  assert.equal(holdsProcesses(), false);
  fs.instead.set('status', { ok: false, errno: 'EACCES' });
  assert.throws(holdsProcesses, (error) => error instanceof BrokerError && error.code === 'POLICY_UNAVAILABLE');
});

test('a kernel that cannot be asked, or whose policy may not be read, allows nothing and says why', async () => {
  for (const [path, says] of [
    ['policy', /security \{ read_policy \}|may not be read/],
    ['access', /EACCES/],
  ] as const) {
    const { fs, gate, holder } = host();
    fs.instead.set(path, { ok: false, errno: 'EACCES' });
    const decision = await gate.decide(asks('start'), 'request', about);
    assert.equal(decision.outcome, 'refused');
    assert.match(decision.questions.at(-1)?.asked ?? '', says);
    const reloaded = await holder.reload();
    assert.equal(reloaded.ok, false);
    assert.ok(!reloaded.ok && reloaded.error instanceof BrokerError && reloaded.error.code === 'POLICY_UNAVAILABLE');
  }
});
