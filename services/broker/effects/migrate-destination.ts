import { BrokerError, type Fault, faultOf } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { problemsOf } from '../../../shared/vm/spec.ts';
import { mustNotDrain } from '../draining/draining.ts';
import { migrateDestination } from '../migrate/destination.ts';
import type { DestinationEffect, DestinationEvent, DestinationState } from '../migrate/destination-states.ts';
import { moveHere, mustStillOwn } from '../ownership/claim.ts';
import { afterEnd } from '../requests/control.ts';
import type { Kind, Performing } from '../runtime/kind.ts';
import type { VmEvent, VmProcess } from '../runtime/ports.ts';
import { checkImages } from './carnet.ts';
import { awaitDevices, lookAtPull, memoryLost, mustAllowPostcopy } from './postcopy.ts';
import { clientLabel, letGo, needHeld, needMemory, peerLabel, type World } from './world.ts';

type RunState = Awaited<ReturnType<VmProcess['state']>>;

/** How long a grant may wait for the first byte, in ms. */
const grantLifetimeMs = 60_000;

/** Carries out a migration at the destination. */
export function migrateDestinationKind(world: World): Kind<DestinationState, DestinationEvent, DestinationEffect> {
  const { gate, vms, images, held, host, vmm, clock, ownership, peers } = world;
  /** Operations about which policy is being asked: of two answers the later one might be the no. */
  const asked = new Set<OperationId>();

  async function decide(state: DestinationState, client: ClientName, moment: Decision['moment']) {
    const { carnet, source, operation, vm, checkpoint } = state;
    const opened = needHeld(held.images, operation, 'the images');
    return gate.decide(
      {
        action: 'migrate-in',
        client: clientLabel(world, client),
        label: carnet.label,
        peer: peerLabel(world, source),
        images: opened.images,
        ...(checkpoint === undefined ? {} : { postcopy: true }),
      },
      moment,
      { vm, operation, by: client },
    );
  }

  /** Everything but policy that speaks against it, then policy. Nothing is started here. */
  async function decideOffer(state: DestinationState, client: ClientName): Promise<DestinationEvent> {
    const { carnet, source, operation, vm } = state;
    const problems = problemsOf(carnet.spec);
    if (problems.length > 0) throw new BrokerError('MESSAGE_MALFORMED', problems.join('; '));
    mustNotDrain(world);
    if (state.checkpoint !== undefined) mustAllowPostcopy(world);
    if (vms.get(vm) !== undefined) throw new BrokerError('VM_EXISTS', `${host} has a VM named ${vm}`);
    if (!vmm.accelerators.includes(carnet.accelerator)) {
      throw new BrokerError(
        'HOST_INCOMPATIBLE',
        `${host} has no ${carnet.accelerator}, which the VM runs under at ${source}`,
      );
    }
    needMemory(world, carnet.spec.memoryMiB);
    const owner = await ownership.read(vm);
    if (owner?.record.owner !== source || owner.record.epoch !== carnet.epoch) {
      throw new BrokerError('OWNER_CONFLICT', `the owner record does not say that ${vm} is ${source}'s`);
    }
    const opened = await images.open(carnet.spec.images);
    held.images.set(operation, opened);
    checkImages(carnet, opened);
    const decision = await decide(state, client, 'offer');
    return decision.outcome === 'allowed' && decision.label !== undefined
      ? { event: 'allowed', decision, label: decision.label }
      : { event: 'refused', decision };
  }

  async function prepare(state: Extract<DestinationState, { state: 'preparing' }>): Promise<DestinationEvent> {
    const { carnet, label, operation, decision, transferKey, offerDigest, checkpoint } = state;
    const opened = needHeld(held.images, operation, 'the images');
    const process = await vmm.launch({
      spec: carnet.spec,
      accelerator: carnet.accelerator,
      label,
      images: opened,
      origin: { kind: 'incoming' },
    });
    vms.attach(process);
    const own = world.oneOffKey();
    const grantId = world.random(16);
    const transcript = { offerDigest, grantId, sourceKey: transferKey, destinationKey: own.publicKey };
    const { port } = await process.listen(world.address, own.derive(operation, transcript, transferKey), {
      postcopy: checkpoint !== undefined,
    });
    return {
      event: 'prepared',
      grant: {
        is: 'grant',
        grantId,
        decision,
        address: world.address,
        port,
        transferKey: own.publicKey,
        expiresAtMs: clock.nowMs() + grantLifetimeMs,
      },
    };
  }

  /** The label decided at the offer is the one QEMU was started in; a decision for another one is a refusal. */
  async function decideAgain(
    state: DestinationState,
    client: ClientName,
    moment: Decision['moment'],
  ): Promise<DestinationEvent> {
    const decision = await decide(state, client, moment);
    const same = 'label' in state && decision.label === state.label;
    return decision.outcome === 'allowed' && same
      ? { event: 'still-allowed', decision }
      : { event: 'refused', decision };
  }

  /** No other host has the guest, so that a broker that was started again must be able to decide all the same. */
  async function decidePostcopyRun(
    state: DestinationState,
    { client, overtaken }: Performing,
  ): Promise<DestinationEvent | undefined> {
    const { operation, carnet } = state;
    if (asked.has(operation)) return undefined;
    asked.add(operation);
    try {
      if (!held.images.has(operation)) {
        const opened = await images.open(carnet.spec.images);
        // The operation may have ended meanwhile.
        if (overtaken()) opened.close();
        else held.images.set(operation, opened);
        checkImages(carnet, opened);
      }
      return await decideAgain(state, client, 'run');
    } finally {
      asked.delete(operation);
    }
  }

  async function moveOwner(
    state: Extract<DestinationState, { state: 'claiming' }>,
    { overtaken }: Performing,
  ): Promise<DestinationEvent | undefined> {
    const { vm, source, carnet, epoch, operation } = state;
    if ((await stateOf(vm, true)) === undefined) return guestLost;
    try {
      await moveHere(world, { vm, source, epoch: carnet.epoch }, { epoch, operation });
      // Another attempt was faster: its QEMU may have been told by now.
      if (overtaken()) return undefined;
      held.untold.add(operation);
      return { event: 'owner-moved' };
    } catch (error) {
      const fault = faultOf(error);
      return fault.code === 'OWNER_CONFLICT' ? { event: 'owner-lost', fault } : { event: 'failed', fault };
    }
  }

  /**
   * A QEMU that ends before it lets the guest run can be told from one that ends afterwards, by the broker that moved the
   * record: the source then gets the guest back as it is.
   */
  async function run(
    state: Extract<DestinationState, { state: 'running-guest' }>,
    { overtaken }: Performing,
  ): Promise<DestinationEvent | undefined> {
    const { carnet, label, epoch, vm, operation, checkpoint } = state;
    const untold = held.untold.has(operation);
    const is = await stateOf(vm, untold);
    if (is === undefined && untold) return guestLost;
    // Half a guest is not begun with.
    if (checkpoint !== undefined && untold && (await lookAtPull(world, vm))?.event === 'cut') return guestLost;
    if (!untold && is !== 'running') {
      // The broker that moved the record is gone, and with it the time: somebody may have fenced this host meanwhile.
      const fault = await newerOwner(vm, epoch);
      if (fault !== undefined) return { event: 'guest-lost', fault };
    }
    if (overtaken()) return undefined;
    held.untold.delete(operation);
    // A guest that powered itself off on the way has arrived like that; one whose QEMU may have run it is a stopped VM here.
    if (is !== undefined && is !== 'shutdown') {
      try {
        await vms.process(vm)?.run({ announce: true });
      } catch (error) {
        if (untold && faultOf(error).code === 'QEMU_FAILED') return guestLost;
        throw error;
      }
    }
    await vms.put({ spec: carnet.spec, label, epoch, accelerator: carnet.accelerator, mapped: null });
    if (checkpoint === undefined) return { event: 'running' };
    const pull = await lookAtPull(world, vm);
    if (pull?.event === 'pulled') return { event: 'running' };
    return pull?.event === 'memory-lost' ? pull : { event: 'running-partly' };
  }

  /** What is left of the guest cannot go on: the VM is a stopped one here. */
  async function endGuest({ vm }: DestinationState, { overtaken }: Performing): Promise<DestinationEvent | undefined> {
    await vms.process(vm)?.quit();
    if (overtaken()) return undefined;
    await afterEnd(world, vm);
    return { event: 'ended' };
  }

  /**
   * A handover that does not come may never come: then the record says so, or the source that it is not at work on the VM any
   * more, whose release got lost.
   */
  async function lookAtOwner({ vm, carnet, source }: DestinationState): Promise<DestinationEvent | undefined> {
    const fault = await newerOwner(vm, carnet.epoch);
    if (fault !== undefined) return { event: 'owner-lost', fault };
    const answer = await peers.whoHas(source, { vm, epoch: carnet.epoch });
    if (answer.is === 'failure' || (answer.is === 'has' && answer.why === 'operation')) return undefined;
    return { event: 'owner-lost', fault: { code: 'TRANSFER_FAILED', message: 'the source has called it off' } };
  }

  /** Why the VM is not this host's any more, where it is not. */
  async function newerOwner(vm: VmName, epoch: number): Promise<Fault | undefined> {
    try {
      await mustStillOwn(world, vm, epoch);
      return undefined;
    } catch (error) {
      const fault = faultOf(error);
      if (fault.code !== 'OWNER_CONFLICT') throw error;
      return fault;
    }
  }

  /**
   * The state of the QEMU here, nothing where it is gone. One that is merely silent still has the guest, and is waited for; one
   * that was never told to run it and has closed its monitor is given up, and ended.
   */
  async function stateOf(vm: VmName, untold: boolean): Promise<RunState | undefined> {
    try {
      return await vms.process(vm)?.state();
    } catch (error) {
      const gone = vms.process(vm) === undefined;
      if (gone || (untold && faultOf(error).code === 'QEMU_FAILED')) return undefined;
      throw error;
    }
  }

  return {
    name: 'migrate-destination',
    table: migrateDestination,
    undoing: { destroy: ['prepare'] },
    async perform(order, state, performing) {
      const { client, overtaken } = performing;
      switch (order.effect) {
        case 'decide-offer':
          return decideOffer(state, client);
        case 'prepare':
          return state.state === 'preparing' ? prepare(state) : undefined;
        case 'decide-switchover':
          return decideAgain(state, client, 'switchover');
        case 'decide-run':
          return state.state === 'deciding-postcopy-run'
            ? decidePostcopyRun(state, performing)
            : decideAgain(state, client, 'run');
        case 'look-at-owner':
          return lookAtOwner(state);
        case 'await-devices':
          return awaitDevices(world, state.vm, performing);
        case 'look-at-pull':
          return lookAtPull(world, state.vm);
        case 'end-guest':
          return endGuest(state, performing);
        case 'move-owner':
          return state.state === 'claiming' ? moveOwner(state, performing) : undefined;
        case 'run':
          return state.state === 'running-guest' ? run(state, performing) : undefined;
        case 'destroy':
          await vms.process(state.vm)?.quit();
          if (overtaken()) return undefined;
          vms.detach(state.vm);
          return { event: 'closed' };
      }
    },
    onVmEvent: meaningOf,
    about: ({ source, options }) => ({ peer: source, options }),
    outcomeOf: (state) => {
      if (state.state === 'completed') return { is: 'completed', label: state.label };
      return state.state === 'closed' || state.state === 'lost' ? state.outcome : null;
    },
    ended: (state) => letGo(held, state.operation),
  };
}

/** A guest that never ran here: the source still has it, and takes it back when it is released. */
const guestLost: DestinationEvent = {
  event: 'guest-lost',
  fault: { code: 'QEMU_FAILED', message: 'QEMU ended before it let the guest run' },
};

/** What QEMU's reports mean to the destination. */
function meaningOf(state: DestinationState, event: VmEvent): DestinationEvent | undefined {
  const failed = (message: string): DestinationEvent => ({
    event: 'transfer-failed',
    fault: { code: 'TRANSFER_FAILED', message },
  });
  const pulls = state.state === 'pulling' || state.state === 'cut-off';
  if (event.kind === 'exited' && pulls) return memoryLost;
  if (event.kind === 'exited') return failed(`QEMU ended at the destination: ${event.detail}`);
  if (event.kind !== 'migration') return undefined;
  switch (event.status) {
    case 'active':
      return state.state === 'granted' ? { event: 'transfer-began' } : undefined;
    case 'completed':
      return pulls ? { event: 'pulled' } : { event: 'loaded' };
    case 'postcopy-paused':
      return pulls ? { event: 'cut' } : failed('the way to the source was cut before the guest could run');
    case 'failed':
      return failed('QEMU could not load what came in');
    default:
      return undefined;
  }
}
