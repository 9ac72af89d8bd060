import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName } from '../../../shared/ids.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { atTimeout } from '../migrate/limits.ts';
import { lostHere } from '../migrate/lost.ts';
import { migrateSource } from '../migrate/source.ts';
import type { MigrateOut, SourceEffect, SourceEvent, SourceState } from '../migrate/source-states.ts';
import { backoffMs } from '../queue/order.ts';
import type { Kind, Performing } from '../runtime/kind.ts';
import type { VmEvent } from '../runtime/ports.ts';
import { carnetOf } from './carnet.ts';
import { followPull, followTransfer } from './follow-transfer.ts';
import { handingOver, runUnlessOff } from './hand-over.ts';
import { awaitPostcopy, checkpointFor, mustHaveCheckpoint } from './postcopy.ts';
import { clientLabel, letGo, needHeld, peerLabel, type World } from './world.ts';

/** How long a decision holds for a migration that has not begun, in ms. */
const decisionMsMax = 5_000;

/** Carries out a migration at the source. */
export function migrateSourceKind(world: World): Kind<SourceState, SourceEvent, SourceEffect> {
  const { gate, vms, images, held, host, peers, ownership, clock } = world;
  const { sendHandover, resolveDoubt, destroyCopy, takeVmBack } = handingOver(world);

  async function decide(about: MigrateOut, client: ClientName, moment: Decision['moment']) {
    const { label } = vms.need(about.vm);
    const ask = {
      action: 'migrate-out',
      client: clientLabel(world, client),
      label,
      peer: peerLabel(world, about.destination),
    } as const;
    return gate.decide(ask, moment, { vm: about.vm, operation: about.operation, by: client });
  }

  async function decideAgain(about: MigrateOut, client: ClientName, moment: Decision['moment']): Promise<SourceEvent> {
    const decision = await decide(about, client, moment);
    return decision.outcome === 'allowed' ? { event: 'confirmed', decision } : { event: 'refused', decision };
  }

  async function decideRequest(state: SourceState, client: ClientName): Promise<SourceEvent> {
    const { vm, destination } = state;
    if (destination === host) throw new BrokerError('USAGE_INVALID', `${vm} is on ${host} already`);
    const entry = vms.need(vm);
    if ((await vms.needProcess(vm).state()) !== 'running') throw new BrokerError('VM_STATE', `${vm} is not running`);
    const owner = await ownership.read(vm);
    if (owner?.record.owner !== host || owner.record.epoch !== entry.epoch) {
      throw new BrokerError('OWNER_CONFLICT', `the owner record of ${vm} is not this host's`);
    }
    const decision = await decide(state, client, 'request');
    if (decision.outcome === 'refused') return { event: 'refused', decision };
    const checkpoint = state.options.allowPostcopy ? { checkpoint: await checkpointFor(world, entry.spec) } : {};
    const opened = await images.open(entry.spec.images);
    try {
      return { event: 'allowed', decision, carnet: carnetOf(host, entry, opened, world.policyDigest()), ...checkpoint };
    } finally {
      opened.close();
    }
  }

  async function sendOffer(
    state: Extract<SourceState, { state: 'offering' }>,
    client: ClientName,
  ): Promise<SourceEvent> {
    const { operation, destination, carnet, options, request, wait, checkpoint } = state;
    // What was allowed long ago may be refused by now.
    if (clock.nowMs() - wait.sinceMs > decisionMsMax) {
      const decision = await decide(state, client, 'offer');
      if (decision.outcome === 'refused') return { event: 'refused', decision };
    }
    const key = world.oneOffKey();
    held.keys.set(operation, key);
    const { answer, offerDigest } = await peers.offer(destination, {
      operation,
      carnet,
      options,
      request,
      transferKey: key.publicKey,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    });
    held.keys.set(operation, { ...key, offerDigest });
    switch (answer.is) {
      case 'grant':
        return { event: 'granted', grant: answer, decision: answer.decision };
      case 'refusal':
        return { event: 'refused', decision: answer.decision };
      case 'failure': {
        if (answer.fault.code !== 'HOST_BUSY') return { event: 'failed', fault: answer.fault };
        const nowMs = clock.nowMs();
        return { event: 'destination-busy', nowMs, untilMs: nowMs + backoffMs(wait.busy?.tries ?? 0) };
      }
    }
  }

  async function startTransfer(state: Extract<SourceState, { state: 'transferring' }>): Promise<undefined> {
    const { vm, operation, grant, options } = state;
    const own = needHeld(held.keys, operation, 'the key of the transfer');
    if (own.offerDigest === undefined) throw new BrokerError('INTERNAL', 'a grant without an offer');
    const key = own.derive(
      operation,
      {
        offerDigest: own.offerDigest,
        grantId: grant.grantId,
        sourceKey: own.publicKey,
        destinationKey: grant.transferKey,
      },
      grant.transferKey,
    );
    await vms.needProcess(vm).send({ address: grant.address, port: grant.port }, key, options);
    return undefined;
  }

  /**
   * What goes nowhere ends; a guest that only writes too fast is paused, or let go before all is sent, where that was asked
   * for.
   */
  async function follow(state: SourceState, performing: Performing): Promise<SourceEvent | undefined> {
    if (state.state === 'pulling') {
      return (await followPull(world, state.vm, performing)) ? { event: 'sent' } : undefined;
    }
    const verdict = await followTransfer(world, state.vm, performing);
    if (verdict === undefined) return undefined;
    const due =
      verdict.is === 'not-converging' && state.state === 'transferring' ? atTimeout(state.options) : undefined;
    return due === 'force-due' || due === 'postcopy-due'
      ? { event: due }
      : { event: 'transfer-failed', fault: verdict.fault };
  }

  /** A guest that is paused when the transfer is called off is run again by that, so it comes after this. */
  async function force({ vm }: SourceState, { overtaken }: Performing): Promise<undefined> {
    if (!overtaken()) await vms.needProcess(vm).forceSend();
    return undefined;
  }

  /** Not without a checkpoint: it may have been removed while the memory was sent. */
  async function startPostcopy(
    { vm, checkpoint }: Extract<SourceState, { state: 'starting-postcopy' }>,
    { overtaken }: Performing,
  ): Promise<undefined> {
    await mustHaveCheckpoint(world, vm, checkpoint);
    if (!overtaken()) await vms.needProcess(vm).startPostcopy();
    return undefined;
  }

  /** The guest is paused: both hosts decide at the same time. A no of either is a no, this host's first. */
  async function decideSwitchover(
    state: Extract<SourceState, { state: 'deciding-switchover' }>,
    client: ClientName,
  ): Promise<SourceEvent> {
    const { operation, destination, grant } = state;
    const postcopy = state.postcopy !== undefined;
    const [decision, answer] = await Promise.all([
      decide(state, client, 'switchover'),
      peers.switchover(destination, { operation, grantId: grant.grantId, ...(postcopy ? { postcopy } : {}) }),
    ]);
    if (decision.outcome === 'refused') return { event: 'refused', decision };
    switch (answer.is) {
      case 'go':
        return { event: postcopy ? 'postcopy-allowed' : 'switchover-allowed', decision, peerDecision: answer.decision };
      case 'refusal':
        return { event: 'refused', decision: answer.decision };
      case 'failure':
        return { event: 'failed', fault: answer.fault };
    }
  }

  /**
   * Calls the transfer off. QEMU lets the guest run on; one that was paused for it, or was all sent and not handed over, is
   * told to.
   */
  async function withdraw({ vm }: SourceState, { overtaken }: Performing): Promise<SourceEvent | undefined> {
    const process = vms.process(vm);
    if (process !== undefined) {
      // What QEMU says of an earlier transfer is nothing to call off.
      const over = endedTransfers.includes((await process.figures()).status);
      if (!over) await process.cancelSend();
      if (overtaken()) return undefined;
      await runUnlessOff(process);
    }
    return { event: 'withdrawn' };
  }

  return {
    name: 'migrate-source',
    table: migrateSource,
    undoing: {
      'follow-transfer': ['start-transfer'],
      force: ['start-transfer'],
      'start-postcopy': ['start-transfer'],
      withdraw: ['start-transfer', 'force', 'start-postcopy', 'switch-over'],
    },
    async perform(order, state, performing) {
      const { client } = performing;
      switch (order.effect) {
        case 'decide-request':
          return decideRequest(state, client);
        case 'decide-first-byte':
          return decideAgain(state, client, 'first-byte');
        case 'decide-switchover':
          return state.state === 'deciding-switchover' ? decideSwitchover(state, client) : undefined;
        case 'send-offer':
          return state.state === 'offering' ? sendOffer(state, client) : undefined;
        case 'start-transfer':
          return state.state === 'transferring' ? startTransfer(state) : undefined;
        case 'follow-transfer':
          return follow(state, performing);
        case 'force':
          return force(state, performing);
        case 'start-postcopy':
          return state.state === 'starting-postcopy' ? startPostcopy(state, performing) : undefined;
        case 'switch-over':
          await vms.needProcess(state.vm).switchOver();
          return undefined;
        case 'await-postcopy':
          return awaitPostcopy(world, state.vm, performing);
        case 'send-handover':
          return state.state === 'handing-over' || state.state === 'pulling'
            ? sendHandover(state, performing)
            : undefined;
        case 'resolve-doubt':
          return state.state === 'in-doubt' ? resolveDoubt(state) : undefined;
        case 'take-back':
          return state.state === 'taking-back' ? takeVmBack(state, performing) : undefined;
        case 'withdraw':
          return withdraw(state, performing);
        case 'send-release':
          // The destination gives up by its own deadline where this does not reach it.
          await peers
            .release(state.destination, { operation: state.operation, vm: state.vm, epoch: epochGivenBy(state) })
            .catch(() => undefined);
          return undefined;
        case 'destroy-copy':
          return destroyCopy(state, performing);
      }
    },
    onVmEvent: meaningOf,
    about: ({ destination, drain, options }) => ({ peer: destination, options, ...(drain ? { drain } : {}) }),
    outcomeOf: (state) => {
      if (state.state === 'completed') return { is: 'completed' };
      return state.state === 'unmoved' || state.state === 'lost' ? state.outcome : null;
    },
    ended: (state) => letGo(held, state.operation),
  };
}

/** In which QEMU says what becomes of the transfer. */
const sendingStates: readonly SourceState['state'][] = [
  'transferring',
  'forcing',
  'starting-postcopy',
  'deciding-switchover',
  'switching-over',
  'letting-go',
];

/** What QEMU's reports mean to the source. */
function meaningOf(state: SourceState, event: VmEvent): SourceEvent | undefined {
  if (state.state === 'queued' && event.kind === 'exited') {
    return { event: 'failed', fault: { code: 'VM_STATE', message: `it ended while it waited: ${event.detail}` } };
  }
  if (!sendingStates.includes(state.state)) return undefined;
  const failed = (message: string): SourceEvent => ({
    event: 'transfer-failed',
    fault: { code: 'TRANSFER_FAILED', message },
  });
  if (event.kind === 'exited' && state.state === 'letting-go') {
    return { event: 'transfer-failed', fault: lostHere(state).fault };
  }
  if (event.kind === 'exited') return failed(`QEMU ended at the source: ${event.detail}`);
  if (event.kind !== 'migration') return undefined;
  switch (event.status) {
    case 'pre-switchover':
      return { event: 'converged' };
    case 'completed':
      return { event: 'sent' };
    case 'failed':
      return failed('QEMU could not send the memory; the guest runs on here');
    case 'cancelled':
      return failed('the transfer was cancelled; the guest runs on here');
    default:
      return undefined;
  }
}

/** The epoch a destination would have the VM in. */
const epochGivenBy = (state: SourceState): number => ('carnet' in state ? state.carnet.epoch + 1 : 1);

/** What QEMU says of a transfer that is not under way. */
const endedTransfers: readonly string[] = ['none', 'completed', 'failed', 'cancelled'];
