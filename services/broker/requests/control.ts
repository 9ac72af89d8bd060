import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type ClientName, newId, type OperationId, type VmName } from '../../../shared/ids.ts';
import type { ActionOf, Answer } from '../../../shared/messages/request.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { World } from '../effects/world.ts';
import { markStopped } from '../ownership/claim.ts';
import type { Runner } from '../runtime/runner.ts';
import { askOf } from './asks.ts';

/** How long a guest may take to power down before its operator is asked to decide, in ms. */
const powerDownMs = 12_000;

type Control = ActionOf<'define' | 'delete' | 'stop' | 'suspend' | 'resume' | 'checkpoint-remove'>;

/** Carries out what is one step and needs no journal: decide, then act, the VM held meanwhile. */
export async function control(world: World, runner: Runner, action: Control, client: ClientName): Promise<Answer> {
  const { vm, ask } = await askOf(world, action, client);
  const pulled = action.verb === 'stop' && action.force ? pulledHere(runner, vm) : undefined;
  if (pulled !== undefined) {
    const decision = await world.gate.decide(ask, 'request', { vm, by: client });
    if (decision.outcome === 'refused') return { is: 'refused', decision };
    if (await runner.deliver(pulled, { event: 'end-asked' })) return { is: 'done', decision };
  }
  const release = runner.hold(vm);
  try {
    const decision = await world.gate.decide(ask, 'request', { vm, by: client });
    if (decision.outcome === 'refused') return { is: 'refused', decision };
    await act(world, action, decision);
    return { is: 'done', decision };
  } finally {
    release();
  }
}

/** The migration that brings a VM here in post-copy: its guest runs already, and nothing but this ends it. */
function pulledHere(runner: Runner, vm: VmName): OperationId | undefined {
  const operation = runner.activeOf(vm);
  const state = operation === undefined ? undefined : runner.stateOf(operation);
  return state !== undefined && 'source' in state && 'epoch' in state ? operation : undefined;
}

async function act(world: World, action: Control, decision: Decision): Promise<void> {
  const { vms, checkpoints } = world;
  switch (action.verb) {
    case 'define':
      return define(world, action.spec, decision);
    case 'delete':
      return remove(world, action.vm);
    case 'suspend':
      return vms.needProcess(action.vm).pause();
    case 'resume':
      return resume(world, action.vm);
    case 'stop':
      return stop(world, action.vm, action.force);
    case 'checkpoint-remove':
      return checkpoints.remove(action.checkpoint);
  }
}

async function define(
  { vms, ownership, host, clock, random }: World,
  spec: ActionOf<'define'>['spec'],
  decision: Decision,
): Promise<void> {
  const known = vms.get(spec.name);
  if (known !== undefined) throw new BrokerError('VM_EXISTS', `${host} has a VM named ${spec.name}`);
  if (decision.label === undefined) throw new BrokerError('INTERNAL', 'an allowed definition without a label');
  // The name is the fleet's: the record is created here or the name is somebody else's.
  const operation = newId('op', clock.nowMs(), random(10)) as OperationId;
  const taken = await ownership.read(spec.name);
  // A crash may have come between the record and the definition: then the record is this host's and nothing else is.
  const halfMade = taken?.record.owner === host && !taken.record.running;
  if (taken !== undefined && !halfMade)
    throw new BrokerError('VM_EXISTS', `${taken.record.owner} has a VM named ${spec.name}`);
  // A VM of that name may have been here before; its epochs are not used again.
  const epoch = Math.max(taken?.record.epoch ?? 0, vms.epochOf(spec.name));
  await ownership.write({ vm: spec.name, owner: host, epoch, running: false, operation }, taken?.revision ?? 0);
  await vms.put({ spec, label: decision.label, epoch, accelerator: null, mapped: null });
}

async function remove({ vms, ownership, host }: World, vm: VmName): Promise<void> {
  if (vms.process(vm) !== undefined) throw new BrokerError('VM_STATE', `${vm} is running`, { hint: 'stop it first' });
  const found = await ownership.read(vm);
  if (found?.record.owner === host) await ownership.remove(vm, found.revision);
  await vms.erase(vm);
}

/** Only the owner of the current epoch runs a guest, also one that was merely paused. */
async function resume({ vms, ownership, host }: World, vm: VmName): Promise<void> {
  const owner = await ownership.read(vm);
  if (owner?.record.owner !== host || !owner.record.running || owner.record.epoch !== vms.need(vm).epoch) {
    throw new BrokerError('OWNER_CONFLICT', `the owner record of ${vm} is not this host's`);
  }
  await vms.needProcess(vm).run();
}

async function stop(world: World, vm: VmName, force: boolean): Promise<void> {
  const { vms, clock } = world;
  const process = vms.needProcess(vm);
  // A guest that has powered down says so once; QEMU is still there.
  if (!force && (await process.state()) !== 'shutdown') {
    const gone = Promise.withResolvers<void>();
    // It may be late before anybody waits for it.
    gone.promise.catch(() => {});
    const unsubscribe = process.onEvent((event) => {
      if (event.kind === 'exited' || event.kind === 'shutdown') gone.resolve();
    });
    const stopTimer = clock.after(powerDownMs, () =>
      gone.reject(
        new BrokerError('OPERATION_TIMEOUT', `${vm} was asked to power down and has not`, {
          hint: 'wait and ask again, or stop it with --force',
        }),
      ),
    );
    try {
      await process.powerDown();
      await gone.promise;
    } finally {
      stopTimer();
      unsubscribe();
    }
  }
  await process.quit();
  await afterEnd(world, vm);
}

/** What is to be done when a VM's QEMU is gone for good. Doing it twice is doing it once. */
export async function afterEnd(world: World, vm: VmName): Promise<void> {
  const { vms, checkpoints, ownership, host } = world;
  vms.detach(vm);
  const entry = vms.get(vm);
  if (entry !== undefined && entry.mapped !== null) await vms.put({ ...entry, mapped: null });
  // Checkpoints are shared by hosts: what maps one is no business of a host that the VM has left.
  const record = (await ownership.read(vm))?.record;
  if (entry === undefined || (record !== undefined && record.owner !== host && record.epoch >= entry.epoch)) return;
  await checkpoints.unpin(vm);
  await markStopped(world, vm, Math.max(entry.epoch, record?.owner === host ? record.epoch : 0));
}
