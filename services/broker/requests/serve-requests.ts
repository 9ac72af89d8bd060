import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type ClientName, clientName } from '../../../shared/ids.ts';
import type { Endpoint } from '../../../shared/messages/endpoint.ts';
import { type Answer, type Request, requestExchange } from '../../../shared/messages/request.ts';
import { check } from '../../../shared/schema/schema.ts';
import { carnetOf } from '../effects/carnet.ts';
import { recentCheckpoint } from '../effects/postcopy.ts';
import type { World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';
import { askOf } from './asks.ts';
import { cancelOperation } from './cancel.ts';
import { control } from './control.ts';
import { decideDrain, drain } from './drain.ts';
import { forceOperation } from './force.ts';
import { beginOperation, type OperationKinds } from './operations.ts';
import { answerQuery, type Told } from './queries.ts';
import { recover } from './recover.ts';

interface RequestServerDeps {
  readonly endpoint: Endpoint;
  readonly world: World;
  readonly runner: Runner;
  readonly kinds: OperationKinds;
  readonly told: Told;
}

/** Answers the clients. Who asks is known by certificate; what it may is for policy to say, verb by verb. */
export function serveRequests({ endpoint, world, runner, kinds, told }: RequestServerDeps): () => void {
  const served = endpoint.serve(requestExchange, async (request, { sender, askBytes }) => {
    const client = check(clientName, sender.name);
    if (sender.role !== 'client' || !client.ok)
      throw new BrokerError('MESSAGE_FORGED', `${sender.role} ${sender.name} is no client`);
    return answer(request, client.value, askBytes);
  });

  async function answer(request: Request, client: ClientName, frame: Uint8Array): Promise<Answer> {
    switch (request.verb) {
      case 'define':
      case 'delete':
      case 'stop':
      case 'suspend':
      case 'resume':
      case 'checkpoint-remove':
        return control(world, runner, request, client);
      case 'start':
      case 'migrate':
      case 'save':
      case 'restore':
        return beginOperation(world, runner, kinds, request, { client, frame });
      case 'recover':
        return recover(world, runner, request, client);
      case 'drain':
      case 'undrain':
        return drain(world, request, client);
      case 'cancel':
        return cancelOperation(world, runner, request.operation, client);
      case 'force':
        return forceOperation(world, runner, request, client);
      case 'explain':
        return explain(request.action, client, frame);
      default:
        return answerQuery(world, runner, request, client, told);
    }
  }

  /** The decisions an action would meet, without doing it: this host's, and for a migration the destination's. */
  async function explain(
    action: Extract<Request, { verb: 'explain' }>['action'],
    client: ClientName,
    frame: Uint8Array,
  ): Promise<Answer> {
    if (action.verb === 'drain' || action.verb === 'undrain') {
      return { is: 'explained', decisions: [await decideDrain(world, client)] };
    }
    const { vm, ask } = await askOf(world, action, client);
    const own = await world.gate.decide(ask, 'request', { vm, by: client });
    if (action.verb !== 'migrate') return { is: 'explained', decisions: [own] };
    const entry = world.vms.need(vm);
    if (own.outcome === 'allowed' && action.options.allowPostcopy) await recentCheckpoint(world, entry.spec);
    const opened = await world.images.open(entry.spec.images);
    try {
      const carnet = carnetOf(world.host, entry, opened, world.policyDigest());
      const peer = await world.peers.explain(action.destination, { carnet, request: frame });
      if (peer.is === 'failure') throw new BrokerError(peer.fault.code, peer.fault.message);
      return { is: 'explained', decisions: [own, peer.decision] };
    } finally {
      opened.close();
    }
  }

  return () => served.stop();
}
