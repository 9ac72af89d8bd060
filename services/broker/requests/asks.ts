import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName, VmName } from '../../../shared/ids.ts';
import type { Action } from '../../../shared/messages/request.ts';
import { problemsOf } from '../../../shared/vm/spec.ts';
import { mustNotDrain } from '../draining/draining.ts';
import { notSaved } from '../effects/carnet.ts';
import { clientLabel, peerLabel, type World } from '../effects/world.ts';
import type { GateAsk } from '../runtime/ports.ts';
import { recoveredLabel } from './recover.ts';

/** An action that is about a VM. */
export type VmAction = Exclude<Action, { verb: 'drain' | 'undrain' }>;

/** What an action asks of this host's policy, and which VM it is about. */
export interface AskOfAction {
  readonly vm: VmName;
  readonly ask: GateAsk;
}

/**
 * The question an action puts to this host's policy, without doing it. Images are opened for their labels and closed
 * again. Faults are those the action itself would meet: VM_UNKNOWN, IMAGE_UNKNOWN, CHECKPOINT_DAMAGED …
 */
export async function askOf(world: World, action: VmAction, clientName: ClientName): Promise<AskOfAction> {
  const client = clientLabel(world, clientName);
  const { vms, checkpoints, host } = world;
  switch (action.verb) {
    case 'define': {
      const problems = problemsOf(action.spec);
      if (problems.length > 0) throw new BrokerError('USAGE_INVALID', problems.join('; '));
      return {
        vm: action.spec.name,
        ask: { action: 'define', client, images: await labelsOf(world, action.spec.images) },
      };
    }
    case 'start':
      mustNotDrain(world);
      return {
        vm: action.vm,
        ask: { action: 'start', client, images: await labelsOf(world, vms.need(action.vm).spec.images) },
      };
    case 'delete':
    case 'stop':
    case 'suspend':
    case 'resume':
      return { vm: action.vm, ask: { action: action.verb, client, label: vms.need(action.vm).label } };
    case 'save':
      return { vm: action.vm, ask: { action: 'save', client, label: vms.need(action.vm).label } };
    case 'migrate': {
      if (action.destination === host) throw new BrokerError('USAGE_INVALID', `${action.vm} is on ${host} already`);
      const { label } = vms.need(action.vm);
      return {
        vm: action.vm,
        ask: { action: 'migrate-out', client, label, peer: peerLabel(world, action.destination) },
      };
    }
    case 'restore': {
      mustNotDrain(world);
      const { manifest } = await checkpoints.manifest(action.checkpoint);
      const { carnet, stateLabel, disks } = manifest;
      const others = await labelsOf(world, notSaved(manifest));
      const ask: GateAsk = {
        action: 'restore',
        client,
        label: carnet.label,
        stateLabel,
        ...(carnet.host === host ? {} : { peer: peerLabel(world, carnet.host) }),
        images: [...disks, ...others],
      };
      return { vm: carnet.spec.name, ask };
    }
    case 'recover':
      return { vm: action.vm, ask: { action: 'recover', client, label: await recoveredLabel(world, action.vm) } };
    case 'checkpoint-remove': {
      const { manifest } = await checkpoints.manifest(action.checkpoint);
      return { vm: manifest.carnet.spec.name, ask: { action: 'delete', client, label: manifest.carnet.label } };
    }
  }
}

async function labelsOf({ images }: World, specs: Parameters<World['images']['open']>[0]) {
  const opened = await images.open(specs);
  try {
    return opened.images.map(({ spec, label }) => ({ spec, label }));
  } finally {
    opened.close();
  }
}
