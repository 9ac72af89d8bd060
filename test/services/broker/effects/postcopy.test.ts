import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { awaitPostcopy, lookAtPull } from '../../../../services/broker/effects/postcopy.ts';
import type { World } from '../../../../services/broker/effects/world.ts';
import type { Performing } from '../../../../services/broker/runtime/kind.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { TestHost } from '../../../support/broker/host.ts';
import { done, migrate, openTwoHosts } from '../../../support/broker/two-hosts.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';
import { hostId, vmId } from '../../../support/values.ts';

const { full, alpha, beta, operator, client, started, close } = await openTwoHosts();
after(close);

describe('post-copy', () => {
  const allowed = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300, allowPostcopy: true };
  const pulledMigration = (vm: ReturnType<typeof vmId>) => ({ ...migrate(vm), options: allowed });

  before(() => {
    alpha.vmm.endless = true;
  });
  after(() => {
    alpha.vmm.endless = false;
    // What a test that failed has left would be followed for ever.
    for (const { vmm, world, runner } of [alpha, beta]) {
      for (const [vm, process] of vmm.processes) {
        if (runner.activeOf(vm) === undefined) continue;
        process.emit({ kind: 'exited', detail: 'the test is over' });
        world.vms.detach(vm);
      }
    }
  });

  async function saved() {
    const vm = await started();
    const { outcome } = await operator.finish(alpha, { verb: 'save', vm });
    assert.ok(outcome?.is === 'completed' && outcome.checkpoint !== undefined);
    return { vm, checkpoint: outcome.checkpoint };
  }

  /** How an operation ends, unless it comes to that state first. */
  const endedBefore = (operation: Operation, reached: string) =>
    alpha.runner.settled(
      operation,
      ({ state }) =>
        state === reached ? ({ is: 'going on' } as const) : (alpha.runner.view(operation)?.outcome ?? undefined),
      20_000,
    );

  /** How a migration that allows post-copy ends, unless memory is sent. */
  async function endedUnsent(vm: ReturnType<typeof vmId>) {
    const answer = await operator.ask('alpha', pulledMigration(vm));
    assert.ok(answer.is === 'accepted');
    return endedBefore(answer.operation, 'transferring');
  }

  /** The fault it ends with before anything of it reached the other host. */
  async function faultBefore(vm: ReturnType<typeof vmId>) {
    const outcome = await endedUnsent(vm);
    assert.ok(outcome.is === 'failed', outcome.is);
    assert.deepEqual(done(beta, vm), []);
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
    return outcome.fault;
  }

  /** A migration that sends memory without an end and may go on in post-copy. */
  async function sending() {
    const { vm, checkpoint } = await saved();
    const answer = await operator.ask('alpha', pulledMigration(vm));
    assert.ok(answer.is === 'accepted');
    const { operation } = answer;
    await alpha.runner.settled(operation, ({ state }) => state === 'transferring' || undefined, 20_000);
    return { vm, checkpoint, operation };
  }

  /** One whose guest runs at the destination, part of its memory still at the source. */
  async function pulling() {
    const all = await sending();
    assert.deepEqual(await operator.ask('alpha', force(all.operation)), { is: 'done' });
    for (const { runner } of [alpha, beta]) {
      await runner.settled(all.operation, ({ state }) => state === 'pulling' || undefined, 20_000);
    }
    return all;
  }
  type Operation = Awaited<ReturnType<typeof sending>>['operation'];
  const force = (operation: Operation) => ({ verb: 'force', operation, postcopy: true }) as const;
  const ended = (host: TestHost, operation: Operation) =>
    host.runner.settled(operation, () => host.runner.view(operation)?.outcome ?? undefined, 90_000);
  const failsWith = async (asked: Promise<{ is: string; fault?: { code: string } }>) => (await asked).fault?.code;

  test('is refused without a checkpoint, and says what to do', async () => {
    const fault = await faultBefore(await started());
    assert.equal(fault.code, 'CHECKPOINT_NEEDED');
    assert.match(fault.hint ?? '', /carnet vm save/);
  });

  test('is refused where the checkpoint is of another VM of that name, or too old', async () => {
    const { vm, checkpoint } = await saved();
    const manifest = alpha.checkpoints.kept.get(checkpoint);
    assert.ok(manifest);
    const { carnet } = manifest;
    const uuid = '00000000-0000-4000-8000-000000000000' as typeof carnet.spec.uuid;
    alpha.checkpoints.kept.set(checkpoint, { ...manifest, carnet: { ...carnet, spec: { ...carnet.spec, uuid } } });
    assert.equal((await faultBefore(vm)).code, 'CHECKPOINT_NEEDED');
    alpha.checkpoints.kept.set(checkpoint, { ...manifest, takenAtMs: manifest.takenAtMs - 60 * 60_000 });
    assert.match((await faultBefore(vm)).message, /60 minutes old/);
  });

  test('is refused where a byte of the checkpoint is not what it was', async () => {
    const { vm, checkpoint } = await saved();
    const { open } = alpha.checkpoints;
    alpha.checkpoints.open = () => Promise.reject(new BrokerError('CHECKPOINT_DAMAGED', checkpoint));
    assert.equal((await faultBefore(vm)).code, 'CHECKPOINT_DAMAGED');
    alpha.checkpoints.open = open;
  });

  test('is refused where either host does not allow it', async () => {
    const { vm } = await saved();
    for (const { world } of [alpha, beta]) {
      const limits = world.migrations as { postcopy: boolean };
      limits.postcopy = false;
      assert.equal((await faultBefore(vm)).code, 'HOST_INCOMPATIBLE');
      limits.postcopy = true;
    }
  });

  test('is refused where the policy of the destination does not let the VM wait for memory, and only then', async () => {
    const { vm } = await saved();
    beta.policy = loaded((await shippedText()).replace(/^allow .*:anon_inode .*;$/gm, ''));
    const outcome = await endedUnsent(vm);
    assert.ok(outcome.is === 'refused', outcome.is);
    const no = outcome.decision.questions.find((question) => !question.allowed);
    assert.match(no?.missing ?? '', /allow vm_user_t self:anon_inode \{ create ioctl read \};/);
    assert.deepEqual(done(beta, vm), []);
    alpha.vmm.endless = false;
    assert.deepEqual((await operator.finish(alpha, migrate(vm))).outcome, { is: 'completed' });
    alpha.vmm.endless = true;
    beta.policy = full;
  });

  test('is explained with what both hosts ask about it, which say no where they allow none or have no checkpoint', async () => {
    const { vm } = await saved();
    const explained = (action: ReturnType<typeof migrate>) => operator.ask('alpha', { verb: 'explain', action });
    for (const [action, asks] of [
      [pulledMigration(vm), true],
      [migrate(vm), false],
    ] as const) {
      const answer = await explained(action);
      assert.ok(answer.is === 'explained');
      assert.equal(
        answer.decisions[1]?.questions.some(({ asked }) => asked.endsWith(':anon_inode { create ioctl read }')),
        asks,
      );
    }
    for (const { world } of [alpha, beta]) {
      const limits = world.migrations as { postcopy: boolean };
      limits.postcopy = false;
      assert.equal(await failsWith(explained(pulledMigration(vm))), 'HOST_INCOMPATIBLE');
      assert.equal((await explained(migrate(vm))).is, 'explained');
      limits.postcopy = true;
    }
    assert.equal(await failsWith(explained(pulledMigration(await started()))), 'CHECKPOINT_NEEDED');
  });

  test('at the timeout is nothing that is done without being allowed', async () => {
    const { vm } = await saved();
    const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300, onTimeout: 'postcopy' } as const;
    assert.equal(await failsWith(operator.ask('alpha', { ...migrate(vm), options })), 'USAGE_INVALID');
  });

  test('is nothing a migration is forced into that did not allow it', async () => {
    const vm = await started();
    const answer = await operator.ask('alpha', migrate(vm));
    assert.ok(answer.is === 'accepted');
    const { operation } = answer;
    await alpha.runner.settled(operation, ({ state }) => state === 'transferring' || undefined, 20_000);
    assert.equal(await failsWith(operator.ask('alpha', force(operation))), 'OPERATION_STATE');
    assert.equal(alpha.runner.stateOf(operation)?.state, 'transferring');
    await operator.ask('alpha', { verb: 'cancel', operation });
    await ended(alpha, operation);
  });

  test('is not begun when the checkpoint was removed meanwhile: the guest goes on where it was', async () => {
    const { vm, checkpoint, operation } = await sending();
    alpha.checkpoints.kept.delete(checkpoint);
    assert.deepEqual(await operator.ask('alpha', force(operation)), { is: 'done' });
    const outcome = await endedBefore(operation, 'pulling');
    assert.equal(outcome.is === 'failed' && outcome.fault.code, 'CHECKPOINT_NEEDED');
    assert.ok(!done(alpha, vm).includes('startPostcopy'));
    assert.equal(alpha.vmm.processes.get(vm)?.running, true);
  });

  test('runs the guest at the destination first, and ends the copy at the source only when all of it is there', async () => {
    const { vm, operation } = await pulling();
    assert.deepEqual(done(alpha, vm).slice(-3), ['send', 'startPostcopy', 'switchOver']);
    assert.deepEqual(done(beta, vm), ['launch incoming', 'listen', 'run']);
    assert.equal((await beta.world.ownership.read(vm))?.record.owner, 'beta');
    assert.deepEqual(await operator.ask('alpha', force(operation)), { is: 'done' });
    assert.equal(await failsWith(operator.ask('alpha', { verb: 'force', operation })), 'OPERATION_STATE');

    // Neither host gives up, nor begins anything else with the VM.
    for (const host of ['alpha', 'beta'] as const) {
      assert.equal(await failsWith(operator.ask(host, { verb: 'cancel', operation })), 'OPERATION_COMMITTED');
      for (const verb of ['save', 'suspend'] as const) {
        assert.equal(await failsWith(operator.ask(host, { verb, vm })), 'VM_BUSY');
      }
      const on = { ...migrate(vm), destination: hostId(host === 'alpha' ? 'beta' : 'alpha') };
      assert.equal(await failsWith(operator.ask(host, on)), 'VM_BUSY');
    }
    assert.ok(!done(alpha, vm).includes('quit'));

    const downtimeMs = () => alpha.runner.view(operation)?.progress.downtimeMs ?? undefined;
    const stoodMs = await alpha.runner.settled(operation, downtimeMs, 20_000);
    alpha.vmm.processes.get(vm)?.pulled('completed');
    beta.vmm.processes.get(vm)?.pulled('completed');
    assert.deepEqual(await ended(alpha, operation), { is: 'completed' });
    assert.equal(downtimeMs(), stoodMs, 'a guest that runs does not stand still');
    assert.deepEqual(await ended(beta, operation), { is: 'completed', label: contexts.vm });
    assert.equal(done(alpha, vm).at(-1), 'quit');
    assert.equal(alpha.world.vms.get(vm), undefined);
  });

  test('whose way was cut waits for somebody who may stop the VM, and says which checkpoint is left', async () => {
    const { vm, checkpoint, operation } = await pulling();
    for (const host of [alpha, beta]) host.vmm.processes.get(vm)?.pulled('postcopy-paused');
    await beta.runner.settled(operation, ({ state }) => state === 'cut-off' || undefined, 20_000);
    assert.match(beta.runner.view(operation)?.waits?.remedy ?? '', /carnet vm stop \S+ --force/);
    const stop = { verb: 'stop', vm, force: true } as const;
    const monitor = await client('monitor');
    assert.equal((await monitor.ask('beta', stop)).is, 'refused');
    assert.equal(await failsWith(operator.ask('beta', { ...stop, force: false })), 'VM_BUSY');
    assert.equal(beta.runner.stateOf(operation)?.state, 'cut-off');
    assert.equal((await operator.ask('beta', stop)).is, 'done');
    for (const host of [alpha, beta]) {
      const outcome = await ended(host, operation);
      assert.ok(outcome.is === 'failed');
      assert.equal(outcome.fault.code, 'MEMORY_LOST');
      assert.ok(outcome.fault.hint?.includes(`carnet vm restore ${checkpoint} --host alpha`));
    }
    // Nothing is restored by itself.
    const { record } = (await beta.world.ownership.read(vm)) ?? {};
    assert.deepEqual([record?.owner, record?.running], ['beta', false]);
    assert.equal(alpha.world.vms.get(vm), undefined);
    for (const host of [alpha, beta]) assert.equal(host.vmm.processes.get(vm), undefined);
  });

  test('leaves a source nothing to keep as long as part of the memory was not sent, whatever the operator says', async () => {
    const { vm, operation } = await pulling();
    const answer = await operator.ask('alpha', { verb: 'recover', vm, memory: 'keep' });
    assert.ok(answer.is === 'recovery', JSON.stringify(answer));
    assert.deepEqual([answer.recovery.fenced, answer.recovery.memory], ['beta', 'drop']);
    for (const host of [alpha, beta]) host.vmm.processes.get(vm)?.pulled('completed');
    assert.deepEqual(await ended(alpha, operation), { is: 'completed' });
  });

  test('whose source died is over as soon as the destination has noticed', async () => {
    const { vm, operation } = await pulling();
    const source = alpha.vmm.processes.get(vm);
    source?.emit({ kind: 'exited', detail: 'killed' });
    alpha.vmm.processes.delete(vm);
    beta.vmm.processes.get(vm)?.pulled('postcopy-paused');
    for (const host of [alpha, beta]) {
      const outcome = await ended(host, operation);
      assert.equal(outcome.is === 'failed' && outcome.fault.code, 'MEMORY_LOST');
    }
    assert.equal(done(beta, vm).at(-1), 'quit');
  });

  test('that the policy of the destination stops at the last moment keeps the guest until it allows it', async () => {
    const { vm, operation } = await sending();
    const strict = loaded((await shippedText()).replace(/^allow .*vmhost .*accept_from.*;$/gm, ''));
    alpha.vmm.processes.get(vm)?.onEvent((event) => {
      if (event.kind === 'migration' && event.status === 'postcopy-active') {
        beta.policy = strict;
      }
    });
    await operator.ask('alpha', force(operation));
    await beta.runner.settled(
      operation,
      () => beta.runner.view(operation)?.waits?.for === 'deciding-postcopy-run' || undefined,
      20_000,
    );
    assert.ok(!done(beta, vm).includes('run') && !done(beta, vm).includes('quit'));
    beta.policy = full;
    await beta.runner.settled(operation, ({ state }) => state === 'pulling' || undefined, 30_000);
    for (const host of [alpha, beta]) host.vmm.processes.get(vm)?.pulled('completed');
    assert.deepEqual(await ended(alpha, operation), { is: 'completed' });
  });
});

test('post-copy has begun only when a page was sent after the rest: before that QEMU may still say that it could not', async () => {
  const began = async (...figures: { status: string; postcopyBytes: number }[]) => {
    let looks = 0;
    const process = { figures: async () => figures[looks++] ?? figures.at(-1) };
    const world = { vms: { needProcess: () => process } } as unknown as World;
    const performing = { overtaken: () => false, wait: async () => {} } as unknown as Performing;
    return [(await awaitPostcopy(world, vmId('vm1'), performing))?.event, looks];
  };
  const active = { status: 'postcopy-active', postcopyBytes: 0 };
  assert.equal((await began(active))[0], undefined);
  assert.deepEqual(await began(active, { ...active, status: 'failed' }), ['transfer-failed', 2]);
  assert.deepEqual(await began(active, { ...active, postcopyBytes: 1 }), ['postcopy-began', 2]);
  assert.deepEqual(await began({ ...active, status: 'device' }, { ...active, status: 'completed' }), ['sent', 2]);
});

test('what was pulled is lost when QEMU is gone, not when it is merely silent', async () => {
  const seen = async (silent: boolean) => {
    const vms = { process: () => undefined, silent: () => (silent ? {} : undefined) };
    return (await lookAtPull({ vms } as unknown as World, vmId('vm1')))?.event;
  };
  assert.equal(await seen(false), 'memory-lost');
  assert.equal(await seen(true), undefined);
});
