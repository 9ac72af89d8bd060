import { timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type HostName, hostName, type OperationId, type VmName } from '../../../shared/ids.ts';
import { limits } from '../../../shared/limits.ts';
import type { AskContext, Endpoint } from '../../../shared/messages/endpoint.ts';
import type { SeenNonces } from '../../../shared/messages/frame.ts';
import {
  explainExchange,
  handoverExchange,
  letGoExchange,
  type Offer,
  offerExchange,
  releaseExchange,
  switchoverExchange,
  whoHasExchange,
} from '../../../shared/messages/peer.ts';
import { check } from '../../../shared/schema/schema.ts';
import { mustNotDrain } from '../draining/draining.ts';
import { checkImages } from '../effects/carnet.ts';
import { mustAllowPostcopy } from '../effects/postcopy.ts';
import { clientLabel, peerLabel, type World } from '../effects/world.ts';
import { answerToHandover, answerToOffer, answerToRelease, answerToSwitchover } from '../migrate/answers.ts';
import type { DestinationEvent, DestinationState, MigrateIn } from '../migrate/destination-states.ts';
import { letGo } from '../ownership/let-go.ts';
import { whoHas } from '../ownership/others.ts';
import { mustHaveRoomForOne } from '../queue/limits.ts';
import type { AnyKind } from '../runtime/kind.ts';
import type { Runner } from '../runtime/runner.ts';
import type { OpenRequest } from './client-request.ts';

interface PeerServerDeps {
  readonly endpoint: Endpoint;
  readonly world: World;
  readonly runner: Runner;
  readonly migrateDestination: AnyKind;
  readonly openRequest: OpenRequest;
  /** Remembers which client requests were acted on. */
  readonly seen: SeenNonces;
  /** Looks whether a VM and its owner record agree. */
  readonly look: (vm: VmName) => void;
}

/** Answers the other hosts. Who asks is known by certificate; only the source of a migration is heard about it. */
export function servePeers({
  endpoint,
  world,
  runner,
  migrateDestination,
  openRequest,
  seen,
  look,
}: PeerServerDeps): () => void {
  const settled = <T>(operation: OperationId, judge: (state: DestinationState) => T | undefined, timeoutMs: number) =>
    runner.settled(operation, (state) => judge(state as DestinationState), timeoutMs);

  /** The state of a migration that the sender is the source of. */
  function stateFor(operation: OperationId, source: HostName): DestinationState | undefined {
    const state = runner.stateOf(operation);
    if (state === undefined) return undefined;
    if (!('source' in state) || state.source !== source) {
      throw new BrokerError('MESSAGE_FORGED', `${operation} is not a migration from ${source}`);
    }
    return state as DestinationState;
  }

  async function begin(offer: Offer, source: HostName, { digest }: AskContext): Promise<void> {
    const { operation, carnet, options, transferKey, checkpoint } = offer;
    const vm = carnet.spec.name;
    const asked = openRequest(offer.request, source);
    const { request: action } = asked;
    if (
      action.verb !== 'migrate' ||
      action.vm !== vm ||
      action.destination !== world.host ||
      !isDeepStrictEqual(action.options, options) ||
      carnet.host !== source ||
      (checkpoint !== undefined) !== (options.allowPostcopy ?? false)
    ) {
      throw new BrokerError('MESSAGE_FORGED', 'the offer is not what the client asked for');
    }
    // Before the request is used up: the source asks with it again.
    mustHaveRoomForOne(world, runner.open());
    // A signed request is good for one migration, whatever the source makes of it, and for as long as it is fresh.
    const once = {
      sender: `request/${asked.client}`,
      nonce: asked.digest.subarray(0, 16),
      untilMs: Math.max(asked.untilMs, world.clock.nowMs()) + 2 * limits.messageLifetimeMs,
    };
    if (seen.admit(once, world.clock.nowMs()) !== 'new') {
      throw new BrokerError('MESSAGE_STALE', "the client's request was used for another migration");
    }
    const state: DestinationState = {
      state: 'deciding',
      operation,
      vm,
      source,
      carnet,
      options,
      request: offer.request,
      transferKey,
      offerDigest: digest,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    } satisfies { state: 'deciding' } & MigrateIn;
    await runner.begin(migrateDestination, { operation, vm, client: asked.client }, state, [
      { effect: 'decide-offer' },
    ]);
  }

  function needGrant(state: DestinationState | undefined, grantId: Uint8Array): DestinationState {
    if (state === undefined || !('grant' in state) || !timingSafeEqual(state.grant.grantId, grantId)) {
      throw new BrokerError('MESSAGE_FORGED', 'no such grant was given');
    }
    return state;
  }

  const deliver = (operation: OperationId, event: DestinationEvent) => runner.deliver(operation, event);

  const served = [
    endpoint.serve(offerExchange, async (offer, context) => {
      const source = hostOf(context);
      if (stateFor(offer.operation, source) === undefined) await begin(offer, source, context);
      return settled(offer.operation, answerToOffer, offerExchange.timeoutMs);
    }),
    endpoint.serve(switchoverExchange, async ({ operation, grantId, postcopy = false }, context) => {
      const state = stateFor(operation, hostOf(context));
      if (state?.state !== 'closed') needGrant(state, grantId);
      if (postcopy && state?.checkpoint === undefined) {
        throw new BrokerError('MESSAGE_FORGED', 'no post-copy was granted');
      }
      await deliver(operation, { event: postcopy ? 'letting-go-asked' : 'switchover-asked' });
      return settled(operation, answerToSwitchover, switchoverExchange.timeoutMs);
    }),
    endpoint.serve(handoverExchange, async ({ operation, grantId, vm, epoch, gone = false }, context) => {
      const state = stateFor(operation, hostOf(context));
      if (state?.state !== 'closed') {
        const { carnet } = needGrant(state, grantId);
        if (carnet.spec.name !== vm || epoch !== carnet.epoch + 1) {
          throw new BrokerError('MESSAGE_FORGED', 'the handover is not of what was granted');
        }
        await deliver(operation, { event: 'handover-received', epoch });
        if (gone) await deliver(operation, { event: 'source-gone' });
      }
      return settled(operation, answerToHandover, handoverExchange.timeoutMs);
    }),
    endpoint.serve(releaseExchange, async ({ operation, vm, epoch }, context) => {
      // Nothing is known of it: either it never came, or it ended so long ago that only the VM's epoch tells.
      if (stateFor(operation, hostOf(context)) === undefined) {
        return world.vms.epochOf(vm) >= epoch ? { is: 'running' } : { is: 'released' };
      }
      await deliver(operation, { event: 'release-asked' });
      return settled(operation, answerToRelease, releaseExchange.timeoutMs);
    }),
    endpoint.serve(letGoExchange, async ({ vm }, context) => {
      return { is: 'let-go', epoch: await letGo(world, runner, vm, hostOf(context)) } as const;
    }),
    endpoint.serve(whoHasExchange, async ({ vm, epoch }, context) => {
      hostOf(context);
      // Whoever asks goes by an older record: one that has the VM puts its own back.
      look(vm);
      return whoHas(world, runner, vm, epoch);
    }),
    endpoint.serve(explainExchange, async ({ carnet, request: bytes }, context) => {
      const source = hostOf(context);
      const { client, request: asked } = openRequest(bytes, source);
      const vm = carnet.spec.name;
      if (
        asked.verb !== 'explain' ||
        asked.action.verb !== 'migrate' ||
        asked.action.vm !== vm ||
        asked.action.destination !== world.host
      ) {
        throw new BrokerError('MESSAGE_FORGED', 'the question is not what the client asked');
      }
      mustNotDrain(world);
      if (asked.action.options.allowPostcopy) mustAllowPostcopy(world);
      const opened = await world.images.open(carnet.spec.images);
      try {
        checkImages(carnet, opened);
        const ask = {
          action: 'migrate-in',
          client: clientLabel(world, client),
          label: carnet.label,
          peer: peerLabel(world, source),
          images: opened.images,
          ...(asked.action.options.allowPostcopy ? { postcopy: true } : {}),
        } as const;
        return { is: 'decided', decision: await world.gate.decide(ask, 'offer', { vm, by: client }) } as const;
      } finally {
        opened.close();
      }
    }),
  ];
  return () => {
    for (const subscription of served) subscription.stop();
  };
}

/** Who asks, if it is a host. */
function hostOf({ sender }: AskContext): HostName {
  const name = check(hostName, sender.name);
  if (sender.role !== 'host' || !name.ok)
    throw new BrokerError('MESSAGE_FORGED', `${sender.role} ${sender.name} is no host`);
  return name.value;
}
