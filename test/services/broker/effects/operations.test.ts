import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOwnership } from '../../../../services/broker/ownership/records.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { OwnerRecord } from '../../../../shared/messages/record.ts';
import { buckets } from '../../../../shared/messages/record.ts';
import type { ActionOf } from '../../../../shared/messages/request.ts';
import type { Decision } from '../../../../shared/vm/decision.ts';
import { createTestClient } from '../../../support/broker/host.ts';
import { done, migrate, openTwoHosts } from '../../../support/broker/two-hosts.ts';
import { createTestEndpoint, wakefulClock } from '../../../support/bus.ts';
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

describe('faults on the way', () => {
  test('a QEMU that dies at the destination before the record is moved gives the VM back to the source', async () => {
    const vm = await started();
    const decide = beta.world.gate.decide;
    beta.world.gate.decide = async (ask, at, about) => {
      if (at === 'run' && about.vm === vm) {
        const process = beta.vmm.processes.get(vm);
        beta.vmm.processes.delete(vm);
        beta.world.vms.detach(vm);
        process?.emit({ kind: 'exited', detail: 'killed' });
      }
      return decide(ask, at, about);
    };
    try {
      assert.equal((await operator.finish(alpha, migrate(vm))).outcome?.is, 'failed');
    } finally {
      beta.world.gate.decide = decide;
    }
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    const owner = await alpha.world.ownership.read(vm);
    assert.deepEqual([owner?.record.owner, owner?.record.epoch], ['alpha', 3]);
  });

  test('a QEMU that dies at the destination after the record was moved and before it is told to run the guest gives the VM back to the source', async () => {
    const vm = await started();
    const { ownership } = beta.world;
    const { write } = ownership;
    Object.assign(ownership, {
      async write(record: OwnerRecord, revision: number) {
        const written = await write(record, revision);
        const process = beta.vmm.processes.get(vm);
        beta.vmm.processes.delete(vm);
        process?.emit({ kind: 'exited', detail: 'killed' });
        return written;
      },
    });
    try {
      assert.equal((await operator.finish(alpha, migrate(vm))).outcome?.is, 'failed');
    } finally {
      Object.assign(ownership, { write });
    }
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    assert.ok(!beta.vmm.calls.includes(`run ${vm}`));
    const owner = await alpha.world.ownership.read(vm);
    assert.deepEqual([owner?.record.owner, owner?.record.epoch], ['alpha', 3]);
    assert.equal(beta.world.vms.get(vm), undefined);
  });

  test('a QEMU that dies at the destination as it is told to run the guest, and did not, gives the VM back to the source', async () => {
    const vm = await started();
    beta.vmm.instead.set('run', async () => {
      beta.vmm.processes.delete(vm);
      throw new BrokerError('QEMU_FAILED');
    });
    assert.equal((await operator.finish(alpha, migrate(vm))).outcome?.is, 'failed');
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    const owner = await alpha.world.ownership.read(vm);
    assert.deepEqual([owner?.record.owner, owner?.record.epoch], ['alpha', 3]);
    assert.equal(beta.world.vms.get(vm), undefined);
  });

  test('a destination whose QEMU does not start fails the offer, and the guest never stopped', async () => {
    const vm = await started();
    beta.vmm.instead.set('launch incoming', () => Promise.reject(new Error('no memory')));
    const { outcome } = await operator.finish(alpha, migrate(vm));
    assert.equal(outcome?.is, 'failed');
    assert.deepEqual(done(alpha, vm), ['launch boot', 'run']);
    assert.equal((await alpha.world.ownership.read(vm))?.record.owner, 'alpha');
  });

  test('a transfer that cannot begin is withdrawn at both ends, and the guest runs on', async () => {
    const vm = await started();
    alpha.vmm.instead.set('send', () => Promise.reject(new Error('no route')));
    const { outcome } = await operator.finish(alpha, migrate(vm));
    assert.equal(outcome?.is, 'failed');
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    assert.ok(!done(beta, vm).includes('run'));
  });

  test('a save that fails leaves the guest running and abandons its draft', async () => {
    const vm = await started();
    const calls = alpha.vmm.calls.length;
    alpha.vmm.instead.set('saveLive', () => Promise.reject(new Error('disk full')));
    const { outcome } = await operator.finish(alpha, { verb: 'save', vm });
    assert.equal(outcome?.is, 'failed');
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    assert.equal(alpha.vmm.calls.slice(calls).filter((call) => call.startsWith('abandon')).length, 1);
  });

  test('a save whose memory is not taken in has ended only when QEMU writes no more', async (t) => {
    const vm = await started();
    const { begin } = alpha.checkpoints;
    t.mock.method(alpha.checkpoints, 'begin', async (...about: Parameters<typeof begin>) => {
      const received = Promise.reject(new BrokerError('STORE_FAILED', 'no space left'));
      received.catch(() => {});
      return { ...(await begin(...about)), received };
    });
    const written = Promise.withResolvers<never>();
    alpha.vmm.instead.set('saveLive', () => written.promise);
    const answer = await operator.ask('alpha', { verb: 'save', vm });
    assert.ok(answer.is === 'accepted');
    const { operation } = answer;
    let writes = true;
    const writesAtItsEnd = alpha.runner.settled(
      operation,
      ({ state }) => (state === 'not-saved' ? writes : undefined),
      10_000,
    );
    await alpha.runner.settled(operation, ({ state }) => state === 'abandoning' || undefined, 10_000);
    // What would be written down at once is on disk after these.
    for (let writings = 0; writings < 3; writings++) await alpha.world.vms.put(alpha.world.vms.need(vm));
    writes = false;
    written.reject(new Error('nobody took it in'));
    assert.equal(await writesAtItsEnd, false);
  });

  test('a start whose QEMU fails gives the claim back', async () => {
    const vm = await define();
    alpha.vmm.instead.set('launch boot', () => Promise.reject(new Error('bad machine')));
    const { outcome } = await operator.finish(alpha, { verb: 'start', vm });
    assert.equal(outcome?.is, 'failed');
    const owner = await alpha.world.ownership.read(vm);
    assert.deepEqual([owner?.record.running, owner?.record.epoch], [false, 1]);
    assert.equal((await operator.finish(alpha, { verb: 'start', vm })).outcome?.is, 'completed');
    assert.equal((await alpha.world.ownership.read(vm))?.record.epoch, 2);
  });
});

describe('cancelling', () => {
  test('a migration that was cancelled while memory went over leaves the VM where it runs, and nothing at the destination', async () => {
    const vm = await started();
    const answer = await operator.ask('alpha', migrate(vm));
    assert.ok(answer.is === 'accepted');
    const { operation } = answer;
    assert.deepEqual(await operator.ask('alpha', { verb: 'cancel', operation }), { is: 'done' });
    assert.deepEqual(await operator.ask('alpha', { verb: 'cancel', operation }), { is: 'done' });
    const view = await alpha.runner.settled(
      operation,
      () => {
        const now = alpha.runner.view(operation);
        return now?.endedAtMs == null ? undefined : now;
      },
      20_000,
    );
    assert.deepEqual(view.outcome, { is: 'cancelled' });
    assert.deepEqual(await operator.ask('alpha', { verb: 'cancel', operation }), { is: 'done' });
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    assert.equal((await alpha.world.ownership.read(vm))?.record.owner, 'alpha');
  });

  test('a save that is cancelled while its draft is being made has ended only when the draft is gone', async (t) => {
    const vm = await started();
    const made = Promise.withResolvers<void>();
    const { begin } = alpha.checkpoints;
    t.mock.method(alpha.checkpoints, 'begin', async (...about: Parameters<typeof begin>) => {
      await made.promise;
      return begin(...about);
    });
    const answer = await operator.ask('alpha', { verb: 'save', vm });
    assert.ok(answer.is === 'accepted');
    const { operation } = answer;
    await alpha.runner.settled(operation, ({ state }) => state === 'saving' || undefined, 10_000);
    assert.deepEqual(await operator.ask('alpha', { verb: 'cancel', operation }), { is: 'done' });
    const abandonedAtItsEnd = alpha.runner.settled(
      operation,
      ({ state }) => (state === 'not-saved' ? alpha.vmm.calls.some((call) => call.startsWith('abandon')) : undefined),
      10_000,
    );
    assert.deepEqual(await operator.ask('alpha', { verb: 'cancel', operation }), { is: 'done' });
    made.resolve();
    assert.equal(await abandonedAtItsEnd, true);
  });

  test('an operation that has ended otherwise says so, and is as it was', async () => {
    const vm = await started();
    const { operation } = await operator.finish(alpha, migrate(vm));
    const answer = await operator.ask('alpha', { verb: 'cancel', operation });
    assert.equal(answer.is === 'failed' && answer.fault.code, 'OPERATION_COMMITTED');
    assert.equal((await beta.world.ownership.read(vm))?.record.owner, 'beta');
  });

  test('one who neither began it nor may stop the VM cancels nothing', async () => {
    const vm = await started();
    const { operation } = await operator.finish(alpha, { verb: 'save', vm });
    const monitor = createTestClient(
      await createTestEndpoint(fleet, hub.member(), 'client', 'monitor', { clock: wakefulClock }),
    );
    assert.equal((await monitor.ask('alpha', { verb: 'cancel', operation })).is, 'refused');
  });
});

describe('forcing', () => {
  const monitor = async () =>
    createTestClient(await createTestEndpoint(fleet, hub.member(), 'client', 'monitor', { clock: wakefulClock }));

  /** A migration that sends memory without an end. */
  async function sending() {
    const vm = await started();
    const answer = await operator.ask('alpha', migrate(vm));
    assert.ok(answer.is === 'accepted');
    const { operation } = answer;
    await alpha.runner.settled(operation, ({ state }) => state === 'transferring' || undefined, 20_000);
    return { vm, operation };
  }
  const ended = (operation: Awaited<ReturnType<typeof sending>>['operation']) =>
    alpha.runner.settled(operation, () => alpha.runner.view(operation)?.outcome ?? undefined, 20_000);

  before(() => {
    alpha.vmm.endless = true;
  });
  after(() => {
    alpha.vmm.endless = false;
  });

  test('a guest that is forced is paused, and arrives', async () => {
    const { vm, operation } = await sending();
    assert.deepEqual(await operator.ask('alpha', { verb: 'force', operation }), { is: 'done' });
    assert.deepEqual(await operator.ask('alpha', { verb: 'force', operation }), { is: 'done' });
    assert.deepEqual(await ended(operation), { is: 'completed' });
    assert.deepEqual(done(alpha, vm), ['launch boot', 'run', 'send', 'forceSend', 'switchOver', 'quit']);
    assert.deepEqual(await operator.ask('alpha', { verb: 'force', operation }), { is: 'done' });
    assert.equal((await beta.world.ownership.read(vm))?.record.owner, 'beta');
  });

  test('a guest that was forced in vain goes on where it was', async () => {
    const { vm, operation } = await sending();
    alpha.vmm.instead.set('forceSend', () => Promise.reject(new Error('QEMU says no')));
    assert.deepEqual(await operator.ask('alpha', { verb: 'force', operation }), { is: 'done' });
    assert.equal((await ended(operation)).is, 'failed');
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    assert.ok(!done(beta, vm).includes('run'));
  });

  test('one who neither began it nor may stop the VM forces nothing', async () => {
    const { vm, operation } = await sending();
    assert.equal((await (await monitor()).ask('alpha', { verb: 'force', operation })).is, 'refused');
    assert.ok(!done(alpha, vm).includes('forceSend'));
    assert.equal(alpha.runner.stateOf(operation)?.state, 'transferring');
    await operator.ask('alpha', { verb: 'cancel', operation });
    assert.deepEqual(await ended(operation), { is: 'cancelled' });
  });

  test('what sends no memory is not forced, and is as it was', async () => {
    const { operation } = await sending();
    const atDestination = await operator.ask('beta', { verb: 'force', operation });
    assert.ok(atDestination.is === 'failed' && atDestination.fault.code === 'OPERATION_STATE');
    await operator.ask('alpha', { verb: 'cancel', operation });
    assert.deepEqual(await ended(operation), { is: 'cancelled' });
    const over = await operator.ask('alpha', { verb: 'force', operation });
    assert.ok(over.is === 'failed' && over.fault.code === 'OPERATION_STATE');
    const vm = await started();
    const saved = await operator.finish(alpha, { verb: 'save', vm });
    const save = await operator.ask('alpha', { verb: 'force', operation: saved.operation });
    assert.ok(save.is === 'failed' && save.fault.code === 'OPERATION_STATE');
  });
});
