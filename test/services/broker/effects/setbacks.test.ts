import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { OwnerRecord } from '../../../../shared/messages/record.ts';
import { done, migrate, openTwoHosts } from '../../../support/broker/two-hosts.ts';

const { alpha, beta, operator, client, define, started, close } = await openTwoHosts();
after(close);

/** A client that may look and no more. */
const monitor = await client('monitor');

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
    const since = alpha.vmm.calls.length;
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
      ({ state }) =>
        state === 'not-saved' ? alpha.vmm.calls.slice(since).some((call) => call.startsWith('abandon')) : undefined,
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
    assert.equal((await monitor.ask('alpha', { verb: 'cancel', operation })).is, 'refused');
  });
});

describe('forcing', () => {
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
    assert.equal((await monitor.ask('alpha', { verb: 'force', operation })).is, 'refused');
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
