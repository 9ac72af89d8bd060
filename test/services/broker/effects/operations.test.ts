import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createOwnership } from '../../../../services/broker/ownership/records.ts';
import { buckets } from '../../../../shared/messages/record.ts';
import type { ActionOf } from '../../../../shared/messages/request.ts';
import type { Decision } from '../../../../shared/vm/decision.ts';
import { done, migrate, openTwoHosts } from '../../../support/broker/two-hosts.ts';
import { wakefulClock } from '../../../support/bus.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText, withoutRules } from '../../../support/gate/shipped.ts';
import { hostId, operationIdOf, type vmId } from '../../../support/values.ts';

const { hub, fleet, full, alpha, beta, operator, define, started, close } = await openTwoHosts();
after(close);

describe('operations, when policy says yes', () => {
  test('a start launches QEMU paused in the computed label, decides again and runs it', async () => {
    const vm = await started();
    assert.deepEqual(done(alpha, vm), ['launch boot', 'run']);
    const owner = await alpha.world.ownership.read(vm);
    assert.deepEqual([owner?.record.owner, owner?.record.epoch, owner?.record.running], ['alpha', 1, true]);
    assert.equal(alpha.images.openCount, 0);
  });

  test('a migration moves the VM, its label and the owner record, and leaves nothing behind', async () => {
    const vm = await started();
    const view = await operator.finish(alpha, migrate(vm));
    assert.deepEqual(view.outcome, { is: 'completed' });
    assert.deepEqual(done(alpha, vm), ['launch boot', 'run', 'send', 'switchOver', 'quit']);
    assert.deepEqual(done(beta, vm), ['launch incoming', 'listen', 'run']);
    const owner = await beta.world.ownership.read(vm);
    assert.deepEqual([owner?.record.owner, owner?.record.epoch], ['beta', 2]);
    assert.equal(beta.world.vms.get(vm)?.label, contexts.vm);
    assert.equal(alpha.world.vms.get(vm), undefined);
    assert.deepEqual([alpha.images.openCount, beta.images.openCount], [0, 0]);
    assert.equal(alpha.world.held.keys.size, 0);
  });

  test('both hosts decide again at every moment the table names', async () => {
    const vm = await started();
    const [from, there] = [alpha.decisions.length, beta.decisions.length];
    await operator.finish(alpha, migrate(vm));
    const moments = (decisions: Decision[]) => decisions.map(({ action, moment }) => `${action} ${moment}`);
    assert.deepEqual(moments(alpha.decisions.slice(from)), [
      'migrate-out request',
      'migrate-out first-byte',
      'migrate-out switchover',
    ]);
    assert.deepEqual(moments(beta.decisions.slice(there)), [
      'migrate-in offer',
      'migrate-in switchover',
      'migrate-in run',
    ]);
  });

  test('a checkpoint is sealed, and restored where the VM does not run', async () => {
    const vm = await started();
    const saved = await operator.finish(alpha, { verb: 'save', vm });
    assert.ok(saved.outcome?.is === 'completed' && saved.outcome.checkpoint !== undefined);
    const { checkpoint } = saved.outcome;
    const running = await operator.finish(alpha, { verb: 'restore', checkpoint });
    assert.equal(running.outcome?.is === 'failed' && running.outcome.fault.code, 'OWNER_CONFLICT');
    assert.equal((await operator.ask('alpha', { verb: 'stop', vm, force: true })).is, 'done');
    const restored = await operator.finish(alpha, { verb: 'restore', checkpoint });
    assert.deepEqual(restored.outcome, { is: 'completed', checkpoint, label: contexts.vm });
    assert.deepEqual(done(alpha, vm).slice(-4), ['quit', 'launch restore', 'load', 'run']);
    assert.equal(alpha.checkpoints.pins.get(vm), checkpoint);
    assert.equal((await alpha.world.ownership.read(vm))?.record.epoch, 2);
  });

  test('a stopped VM is restored elsewhere when its owner has let it go, and is not started there any more', async () => {
    const vm = await started();
    const saved = await operator.finish(alpha, { verb: 'save', vm });
    assert.ok(saved.outcome?.is === 'completed' && saved.outcome.checkpoint !== undefined);
    const { checkpoint } = saved.outcome;
    beta.checkpoints.kept.set(checkpoint, (await alpha.checkpoints.manifest(checkpoint)).manifest);
    assert.equal((await operator.ask('alpha', { verb: 'stop', vm, force: true })).is, 'done');

    assert.equal((await beta.world.peers.letGo(hostId('alpha'), { vm })).is, 'let-go');
    const kept = await operator.finish(alpha, { verb: 'start', vm });
    assert.equal(kept.outcome?.is === 'failed' && kept.outcome.fault.code, 'OWNER_IN_DOUBT');
    const restored = await operator.finish(beta, { verb: 'restore', checkpoint });
    assert.deepEqual(restored.outcome, { is: 'completed', checkpoint, label: contexts.vm });
    const { record } = (await beta.world.ownership.read(vm)) ?? {};
    assert.deepEqual([record?.owner, record?.epoch, record?.running], ['beta', 2, true]);
  });

  test('a VM is not let go while it runs, nor by a host that does not have it', async () => {
    const vm = await started();
    const running = await beta.world.peers.letGo(hostId('alpha'), { vm });
    assert.equal(running.is === 'failure' && running.fault.code, 'OWNER_CONFLICT');
    const unknown = await alpha.world.peers.letGo(hostId('beta'), { vm });
    assert.equal(unknown.is === 'failure' && unknown.fault.code, 'VM_UNKNOWN');
  });
});

/** An operation of the table, with what has to be true before it and what it may touch. */
const cases = [
  {
    action: 'start',
    decidedBy: () => alpha,
    prepare: define,
    request: (vm: ReturnType<typeof vmId>) => ({ verb: 'start', vm }) as const,
  },
  { action: 'migrate-out', decidedBy: () => alpha, prepare: started, request: migrate },
  { action: 'migrate-in', decidedBy: () => beta, prepare: started, request: migrate },
  {
    action: 'save',
    decidedBy: () => alpha,
    prepare: started,
    request: (vm: ReturnType<typeof vmId>) => ({ verb: 'save', vm }) as const,
  },
] as const;

describe('operations, when one rule is missing', () => {
  for (const { action, decidedBy, prepare, request } of cases) {
    test(`${action}: without any single rule it is refused for that reason, and nothing has happened`, async () => {
      const host = decidedBy();
      const sample = await prepare();
      await operator.finish(alpha, request(sample));
      const allowed = host.decisions.find((decision) => decision.action === action && decision.outcome === 'allowed');
      const granted = allowed?.questions.filter(({ kind, rules }) => kind === 'access' && rules.length > 0) ?? [];
      assert.ok(granted.length >= 2);

      for (const { asked, rules } of granted) {
        const vm = await prepare();
        const before = {
          alpha: alpha.vmm.calls.length,
          beta: beta.vmm.calls.length,
          owner: await alpha.world.ownership.read(vm),
        };
        host.policy = loaded(withoutRules(await shippedText(), rules));
        try {
          const { outcome } = await operator.finish(alpha, request(vm));
          assert.equal(outcome?.is, 'refused', asked);
          assert.ok(outcome?.is === 'refused');
          const missing = outcome.decision.questions.filter((question) => !question.allowed);
          assert.ok(
            missing.some((question) => question.asked === asked && question.missing !== undefined),
            asked,
          );
          assert.equal(outcome.decision.host, host.world.host);
        } finally {
          host.policy = full;
        }
        assert.deepEqual(alpha.vmm.calls.slice(before.alpha), [], `alpha did something without ${asked}`);
        assert.deepEqual(beta.vmm.calls.slice(before.beta), [], `beta did something without ${asked}`);
        assert.deepEqual(await alpha.world.ownership.read(vm), before.owner);
        assert.deepEqual([alpha.images.openCount, beta.images.openCount], [0, 0]);
        assert.equal(beta.world.vms.get(vm), undefined);
      }
    });
  }

  test('restore: without any single rule it is refused for that reason, and nothing has happened', async () => {
    const vm = await started();
    const saved = await operator.finish(alpha, { verb: 'save', vm });
    assert.ok(saved.outcome?.is === 'completed' && saved.outcome.checkpoint !== undefined);
    const { checkpoint } = saved.outcome;
    await operator.ask('alpha', { verb: 'stop', vm, force: true });
    const { decisions } = await explained(checkpoint);
    const granted = decisions[0]?.questions.filter(({ kind, rules }) => kind === 'access' && rules.length > 0) ?? [];
    assert.ok(granted.length >= 6);
    for (const { asked, rules } of granted) {
      const [calls, owner] = [alpha.vmm.calls.length, await alpha.world.ownership.read(vm)];
      alpha.policy = loaded(withoutRules(await shippedText(), rules));
      try {
        const { outcome } = await operator.finish(alpha, { verb: 'restore', checkpoint });
        assert.ok(outcome?.is === 'refused', asked);
        assert.ok(outcome.decision.questions.some((question) => question.asked === asked && !question.allowed));
      } finally {
        alpha.policy = full;
      }
      assert.deepEqual(alpha.vmm.calls.slice(calls), [], `something happened without ${asked}`);
      assert.deepEqual(await alpha.world.ownership.read(vm), owner);
    }
  });
});

async function explained(checkpoint: ActionOf<'restore'>['checkpoint']) {
  const answer = await operator.ask('alpha', { verb: 'explain', action: { verb: 'restore', checkpoint } });
  assert.ok(answer.is === 'explained');
  return answer;
}

describe('a policy that changes on the way', () => {
  const rule = 'allow qemu_virtdisk_t vm_user_t:vm entrypoint;';
  const without = async () => {
    const allowed = beta.decisions.find(({ action, outcome }) => action === 'migrate-in' && outcome === 'allowed');
    const rules =
      allowed?.questions.find(({ asked }) => asked === `${contexts.disk} ${contexts.vm}:vm { entrypoint }`)?.rules ??
      [];
    return loaded(withoutRules(await shippedText(), rules));
  };

  for (const moment of ['switchover', 'run'] as const) {
    test(`is noticed at the destination at ${moment}, and the VM goes on at the source`, async () => {
      const vm = await started();
      const reduced = await without();
      const decide = beta.world.gate.decide;
      beta.world.gate.decide = (ask, at, about) => {
        if (at === moment && about.vm === vm) beta.policy = reduced;
        return decide(ask, at, about);
      };
      try {
        const { outcome } = await operator.finish(alpha, migrate(vm));
        assert.ok(outcome?.is === 'refused');
        assert.equal(outcome.decision.moment, moment);
        assert.ok(outcome.decision.questions.some(({ missing }) => missing === rule));
      } finally {
        beta.world.gate.decide = decide;
        beta.policy = full;
      }
      assert.equal(alpha.vmm.processes.get(vm)?.running, true);
      assert.ok(!done(beta, vm).includes('run'));
      assert.equal(beta.vmm.processes.get(vm), undefined);
      assert.equal((await alpha.world.ownership.read(vm))?.record.owner, 'alpha');
    });
  }

  test('is noticed before the guest of a start runs, and what was launched is ended', async () => {
    const vm = await define();
    const decide = alpha.world.gate.decide;
    const reduced = await without();
    alpha.world.gate.decide = (ask, at, about) => {
      if (at === 'run' && about.vm === vm) alpha.policy = reduced;
      return decide(ask, at, about);
    };
    try {
      const { outcome } = await operator.finish(alpha, { verb: 'start', vm });
      assert.ok(outcome?.is === 'refused' && outcome.decision.moment === 'run');
    } finally {
      alpha.world.gate.decide = decide;
      alpha.policy = full;
    }
    assert.deepEqual(done(alpha, vm), ['launch boot', 'quit']);
    assert.equal((await alpha.world.ownership.read(vm))?.record.running, false);
  });
});

describe('what must not be touched', () => {
  test('a start of a VM that runs fails and leaves it running', async () => {
    const vm = await started();
    const again = await operator.finish(alpha, { verb: 'start', vm });
    assert.equal(again.outcome?.is === 'failed' && again.outcome.fault.code, 'VM_STATE');
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    assert.deepEqual(done(alpha, vm), ['launch boot', 'run']);
    assert.equal((await alpha.world.ownership.read(vm))?.record.running, true);
  });

  test('a start that cannot claim the VM undoes nothing of whoever has it', async () => {
    const vm = await define();
    const owner = await alpha.world.ownership.read(vm);
    const elsewhere = createOwnership({
      bucket: await hub.member().bucket(buckets.owners),
      identity: await fleet.identity('host', 'gamma'),
      trust: fleet.trust(),
      clock: wakefulClock,
    });
    const theirs = { vm, owner: hostId('gamma'), epoch: 0, running: true, operation: operationIdOf(77) };
    await elsewhere.write(theirs, owner?.revision ?? 0);
    const { outcome } = await operator.finish(alpha, { verb: 'start', vm });
    assert.equal(outcome?.is === 'failed' && outcome.fault.code, 'OWNER_CONFLICT');
    assert.deepEqual((await alpha.world.ownership.read(vm))?.record, theirs);
  });

  test('a restore does not replace a disk that has another label now', async () => {
    const vm = await started();
    const saved = await operator.finish(alpha, { verb: 'save', vm });
    assert.ok(saved.outcome?.is === 'completed' && saved.outcome.checkpoint !== undefined);
    await operator.ask('alpha', { verb: 'stop', vm, force: true });
    const { disk } = alpha.images.labels;
    alpha.images.labels.disk = contexts.kernel;
    try {
      const { outcome } = await operator.finish(alpha, { verb: 'restore', checkpoint: saved.outcome.checkpoint });
      assert.equal(outcome?.is === 'failed' && outcome.fault.code, 'IMAGE_MISMATCH');
    } finally {
      alpha.images.labels.disk = disk;
    }
    assert.ok(!alpha.vmm.calls.includes('replace disk.qcow2') || done(alpha, vm).at(-1) === 'quit');
    assert.equal((await alpha.world.ownership.read(vm))?.record.running, false);
  });
});
