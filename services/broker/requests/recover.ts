import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import { type ClientName, newId, type OperationId, type VmName } from '../../../shared/ids.ts';
import type { Fence, Recovery } from '../../../shared/messages/recovery.ts';
import type { ActionOf, Answer } from '../../../shared/messages/request.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { clientLabel, type World } from '../effects/world.ts';
import type { SourceState } from '../migrate/source-states.ts';
import { takeFenced } from '../ownership/fence.ts';
import { askOthers, mustBeAccountedFor } from '../ownership/others.ts';
import { newestKnown, planRecovery, type RecoveryFacts } from '../ownership/recovery.ts';
import type { DecidedAbout } from '../runtime/ports.ts';
import type { Runner } from '../runtime/runner.ts';
import type { VmEntry } from '../vms/vms.ts';

type Doubt = Extract<SourceState, { state: 'in-doubt' | 'pulling' }>;
type Definition = Omit<VmEntry, 'epoch'>;

/**
 * Takes a VM over from a host that has died for good, on an operator's word. Without the word, that is without the name of
 * the host that is fenced, it only says what would be done and what that risks. Where the record is no proof the other hosts
 * are asked first: one that has the VM keeps it. The decision is on record, with the word and the epoch, before anything is
 * changed.
 */
export async function recover(
  world: World,
  runner: Runner,
  request: ActionOf<'recover'>,
  client: ClientName,
): Promise<Answer> {
  const { vm, fenced, alsoFenced = [] } = request;
  const doubt = doubtOf(runner, vm);
  const release = doubt === undefined ? runner.hold(vm) : undefined;
  try {
    const definition = await definitionOf(world, vm);
    const memory = doubt?.state === 'pulling' && !(await isWhole(world, vm)) ? 'drop' : request.memory;
    const facts: RecoveryFacts = {
      vm,
      host: world.host,
      decidesAlone: world.ownership.decidesAlone,
      record: (await world.ownership.read(vm))?.record,
      entry: world.vms.get(vm),
      knownEpoch: world.vms.epochOf(vm),
      doubt: doubt && { destination: doubt.destination, epoch: doubt.carnet.epoch },
      runsHere: doubt === undefined && world.vms.process(vm) !== undefined,
      defined: definition !== undefined,
    };
    const gone = planRecovery(facts, memory).fenced;
    if (definition === undefined) throw new BrokerError('VM_UNKNOWN', `${vm} is not known here`);
    if (fenced !== undefined && fenced !== gone) {
      throw new BrokerError('OWNER_CONFLICT', `${vm} is to be recovered from ${gone}, not from ${fenced}`);
    }
    // Nobody makes this host ask the others who may not recover it.
    const asked = await decide(world, vm, definition, client);
    if (asked.outcome === 'refused') return { is: 'refused', decision: asked };
    const others = await askOthers(world, vm, { epoch: newestKnown(facts), gone });
    const { heard, silent } = others;
    const plan = {
      ...planRecovery({ ...facts, knownEpoch: others.epoch }, memory),
      heard: [...heard],
      silent: [...silent],
    };
    if (fenced === undefined) return { is: 'recovery', recovery: plan, decision: asked, done: false };
    mustBeAccountedFor(vm, others, alsoFenced);
    const { epoch } = plan;
    const decision = await decide(world, vm, definition, client, { host: fenced, also: alsoFenced, heard, epoch });
    if (decision.outcome === 'refused') return { is: 'refused', decision };
    const also = alsoFenced.length === 0 ? {} : { also: alsoFenced };
    const word: Fence = { host: fenced, ...also, epoch, by: client, atMs: world.clock.nowMs() };
    if (doubt === undefined) await takeOver(world, definition, word);
    else await endDoubt(runner, doubt, word, plan.memory);
    return { is: 'recovery', recovery: plan, decision, done: true };
  } finally {
    release?.();
  }
}

/** The label the decision about a recovery is asked for. VM_UNKNOWN where nothing of the VM is here. */
export async function recoveredLabel(world: World, vm: VmName): Promise<Definition['label']> {
  const definition = await definitionOf(world, vm);
  if (definition === undefined) throw new BrokerError('VM_UNKNOWN', `${vm} is not known here`);
  return definition.label;
}

function decide(
  world: World,
  vm: VmName,
  { label }: Definition,
  client: ClientName,
  fence?: DecidedAbout['fence'],
): Promise<Decision> {
  const ask = { action: 'recover', client: clientLabel(world, client), label } as const;
  return world.gate.decide(ask, 'request', { vm, by: client, ...(fence === undefined ? {} : { fence }) });
}

/** The handover of a VM that this host has no answer to, or no last one. */
function doubtOf(runner: Runner, vm: VmName): Doubt | undefined {
  const operation = runner.activeOf(vm);
  const state = operation === undefined ? undefined : runner.stateOf(operation);
  return state?.state === 'in-doubt' || state?.state === 'pulling' ? (state as Doubt) : undefined;
}

/** Whether the last page of a guest in post-copy was sent; before that nobody can run on from its memory here. */
const isWhole = async ({ vms }: World, vm: VmName): Promise<boolean> =>
  (await vms.process(vm)?.figures())?.status === 'completed';

/** The VM as this host has it, or as its newest checkpoint here has it. */
async function definitionOf({ vms, checkpoints }: World, vm: VmName): Promise<Definition | undefined> {
  const entry = vms.get(vm);
  if (entry !== undefined) return entry;
  const newest = (await checkpoints.list()).find(({ carnet }) => carnet.spec.name === vm);
  if (newest === undefined) return undefined;
  const { spec, label, accelerator } = newest.carnet;
  return { spec, label, accelerator, mapped: null };
}

async function endDoubt(runner: Runner, { operation, vm }: Doubt, fence: Fence, memory: Recovery['memory']) {
  const event = { event: 'fence-confirmed', fence, dropsMemory: memory === 'drop' };
  if (await runner.deliver(operation, event)) return;
  throw new BrokerError('OWNER_CONFLICT', `${vm} is in doubt no longer`, {
    hint: `carnet operation show ${operation}`,
  });
}

/**
 * The VM is this host's from now on, stopped. That is written down first: should the record not be written, or be forgotten,
 * it is put back by and by. What the record contradicts is undone.
 */
async function takeOver(world: World, definition: Definition, fence: Fence): Promise<void> {
  const { vms, checkpoints, clock, random } = world;
  const { promisedTo: _, claimedBy: __, ...kept } = definition;
  const vm = kept.spec.name;
  const before = { entry: vms.get(vm), epoch: vms.epochOf(vm) };
  const operation = newId('op', clock.nowMs(), random(10)) as OperationId;
  await vms.put({ ...kept, epoch: fence.epoch, mapped: null, fence });
  try {
    await takeFenced(world, { vm, epoch: fence.epoch, running: false, operation }, fence.host);
  } catch (error) {
    if (faultOf(error).code === 'OWNER_CONFLICT') {
      await vms.erase(vm);
      if (before.entry !== undefined) await vms.put(before.entry);
      await vms.giveAway(vm, before.epoch);
      throw error;
    }
    // Whether it was written is not known; the keeper of the records finds out.
    world.log.warn('the owner record of a recovered VM is still to be written', { vm, fault: faultOf(error) });
  }
  // Whatever mapped a checkpoint for it is off for good.
  await checkpoints.unpin(vm);
}
