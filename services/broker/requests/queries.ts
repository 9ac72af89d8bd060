import { BrokerError, type Fault, faultOf } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import type { Action, Answer, HostView, Request } from '../../../shared/messages/request.ts';
import type { OperationView, QueuePlace, RunState, VmView, Waits } from '../../../shared/messages/view.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import { type Decision, refusedQuestions } from '../../../shared/vm/decision.ts';
import { clientLabel, type World } from '../effects/world.ts';
import type { VmProcess } from '../runtime/ports.ts';
import type { Runner } from '../runtime/runner.ts';
import type { VmEntry } from '../vms/vms.ts';
import { type VmFacts, vmWaits } from '../vms/waits.ts';
import { loadOf } from './drain.ts';

type Query = Exclude<Request, Action | { verb: 'explain' | 'cancel' | 'force' }>;

/** What is told besides what the world and the runner know. */
export interface Told {
  readonly host: () => HostView;
  readonly placeOf: (operation: OperationId) => QueuePlace | undefined;
}

/** Answers what only looks. A client sees the VMs, operations and checkpoints it may monitor, and no trace of others. */
export async function answerQuery(
  world: World,
  runner: Runner,
  query: Query,
  client: ClientName,
  { host, placeOf }: Told,
): Promise<Answer> {
  const { vms, checkpoints, gate } = world;
  const me = clientLabel(world, client);
  const monitor = (vm: VmName, label: Label): Promise<Decision> =>
    gate.decide({ action: 'monitor', client: me, label }, 'request', { vm, by: client });
  const mayMonitor = async (vm: VmName, label: Label) => (await monitor(vm, label)).outcome === 'allowed';
  const ofManifest = ({ carnet }: Manifest) => mayMonitor(carnet.spec.name, carnet.label);

  switch (query.verb) {
    case 'list': {
      const seen = await filterAsync(vms.list(), ({ spec, label }) => mayMonitor(spec.name, label));
      return {
        is: 'vms',
        vms: await Promise.all(seen.slice(0, limits.listEntries).map((entry) => summaryOf(world, runner, entry))),
      };
    }
    case 'show': {
      const entry = vms.need(query.vm);
      const decision = await monitor(query.vm, entry.label);
      if (decision.outcome === 'refused') return { is: 'refused', decision };
      return { is: 'vm', vm: await viewOf(world, runner, entry) };
    }
    case 'operation': {
      const view = runner.view(query.operation);
      if (view === undefined || !(await mayFollow(view)))
        throw new BrokerError('OPERATION_UNKNOWN', `no operation ${query.operation} here`);
      return { is: 'operation', operation: placed(view) };
    }
    case 'operations':
      return {
        is: 'operations',
        operations: (await filterAsync(runner.list(operationsListed), mayFollow)).map((view) => inBrief(placed(view))),
      };
    case 'checkpoint-list': {
      const all = (await checkpoints.list()).filter(
        ({ carnet }) => query.vm === undefined || carnet.spec.name === query.vm,
      );
      const seen = await filterAsync(all.slice(0, limits.listEntries), ofManifest);
      return { is: 'checkpoints', checkpoints: await Promise.all(seen.map((one) => checkpointSummaryOf(world, one))) };
    }
    case 'checkpoint-show': {
      const { manifest, digest, inUse } = await checkpoints.manifest(query.checkpoint);
      const decision = await monitor(manifest.carnet.spec.name, manifest.carnet.label);
      if (decision.outcome === 'refused') return { is: 'refused', decision };
      return { is: 'checkpoint', checkpoint: { manifest, manifestDigest: digest, inUse } };
    }
    case 'checkpoint-verify': {
      const { manifest } = await checkpoints.manifest(query.checkpoint);
      const decision = await monitor(manifest.carnet.spec.name, manifest.carnet.label);
      if (decision.outcome === 'refused') return { is: 'refused', decision };
      const opened = await checkpoints.open(query.checkpoint);
      opened.close();
      return {
        is: 'verified',
        checkpoint: query.checkpoint,
        bytes: await checkpoints.bytesOf(query.checkpoint),
        ms: Math.round(opened.verifyMs),
      };
    }
    case 'host':
      return { is: 'host', host: { ...host(), ...loadOf(world, runner) } };
  }

  function placed(view: OperationView): OperationView {
    const queue = view.state === 'queued' ? placeOf(view.operation) : undefined;
    return queue === undefined ? view : { ...view, queue };
  }

  /** Whoever began an operation may follow it; others need to be allowed to monitor its VM. */
  async function mayFollow(view: {
    readonly client: ClientName;
    readonly vm: VmName;
    readonly operation: OperationId;
  }): Promise<boolean> {
    if (view.client === client) return true;
    const entry = vms.get(view.vm);
    return entry !== undefined && mayMonitor(view.vm, entry.label);
  }
}

const operationsListed = 50;
const refusedQuestionsListed = 2;

/** An operation in a list: without its decisions, and of a refusal only what it was refused for. Fifty of them fit in an answer. */
function inBrief(view: OperationView): OperationView {
  const { outcome } = view;
  const { waits, ...rest } = view;
  const brief = { ...rest, decisions: [], ...(waits === undefined ? {} : { waits: { ...waits, lastFault: null } }) };
  if (outcome?.is !== 'refused') return brief;
  const questions = refusedQuestions(outcome.decision).slice(0, refusedQuestionsListed);
  return { ...brief, outcome: { is: 'refused', decision: { ...outcome.decision, questions } } };
}

async function filterAsync<T>(all: readonly T[], keep: (one: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(all.map(keep));
  return all.filter((_, index) => kept[index]);
}

/** How a guest is, and the fault where its QEMU does not say. */
async function stateOf({ vms, log }: World, vm: VmName): Promise<{ state: RunState; fault?: Fault }> {
  try {
    return { state: runStateOf(await vms.process(vm)?.state()) };
  } catch (error) {
    const fault = faultOf(error);
    log.warn('QEMU does not say how its guest is', { vm, fault });
    return { state: 'in-doubt', fault };
  }
}

function runStateOf(state: Awaited<ReturnType<VmProcess['state']>> | undefined): RunState {
  switch (state) {
    case undefined:
    case 'shutdown':
      return 'stopped';
    case 'transferring':
      return 'running';
    case 'handed-over':
      return 'in-doubt';
    default:
      return state;
  }
}

/** The QEMU of a VM, where there is one that answers. */
function spokenTo({ vms }: World, vm: VmName): VmProcess | undefined {
  try {
    return vms.process(vm);
  } catch {
    return undefined;
  }
}

async function summaryOf(world: World, runner: Runner, { spec, label, epoch, promisedTo }: VmEntry) {
  const { state, fault } = await stateOf(world, spec.name);
  // Records are not read for a list: what only they tell is for `show` to say.
  const waits = fault === undefined ? (activeWaits(runner, spec.name)?.for ?? (promisedTo && 'let-go')) : 'qemu';
  return {
    vm: spec.name,
    host: world.host,
    state,
    label,
    epoch,
    memoryMiB: spec.memoryMiB,
    ...(waits === undefined ? {} : { waits }),
  };
}

function activeWaits(runner: Runner, vm: VmName): Waits | undefined {
  const operation = runner.activeOf(vm);
  return operation === undefined ? undefined : runner.view(operation)?.waits;
}

async function viewOf(world: World, runner: Runner, entry: VmEntry): Promise<VmView> {
  const { spec, label, epoch, accelerator } = entry;
  const [{ state, fault }, record] = await Promise.all([stateOf(world, spec.name), recordOf(world, spec.name)]);
  const process = spokenTo(world, spec.name);
  const silence = fault && { sinceMs: null, attempts: 1, fault };
  const waits = vmWaits({
    vm: spec.name,
    host: world.host,
    entry,
    operation: activeWaits(runner, spec.name),
    silent: world.vms.silent(spec.name) ?? silence,
    record,
  });
  return {
    vm: spec.name,
    host: world.host,
    state,
    label,
    epoch,
    spec,
    accelerator,
    pid: process?.pid ?? null,
    operation: runner.activeOf(spec.name) ?? null,
    console: process === undefined ? null : world.vmm.consolePath(spec.name),
    ...(waits === undefined ? {} : { waits }),
    ...(entry.fence === undefined ? {} : { fence: entry.fence }),
  };
}

const recordOf = ({ ownership }: World, vm: VmName): Promise<VmFacts['record']> =>
  ownership.read(vm).then(
    (found) => ({ is: 'read', record: found?.record }),
    (error: unknown) => ({ is: 'fault', fault: faultOf(error) }),
  );

async function checkpointSummaryOf({ checkpoints }: World, { checkpoint, carnet, takenAtMs, takenFor, job }: Manifest) {
  return {
    checkpoint,
    vm: carnet.spec.name,
    host: carnet.host,
    takenAtMs,
    takenFor,
    ...(job === undefined ? {} : { job }),
    label: carnet.label,
    bytes: await checkpoints.bytesOf(checkpoint),
  };
}
