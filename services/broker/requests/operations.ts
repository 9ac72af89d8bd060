import { BrokerError } from '../../../shared/errors/broker-error.ts';
import {
  type CheckpointId,
  type ClientName,
  jobName,
  newId,
  type OperationId,
  type VmName,
} from '../../../shared/ids.ts';
import { type ActionOf, type Answer, priorityDefault } from '../../../shared/messages/request.ts';
import { check } from '../../../shared/schema/schema.ts';
import type { World } from '../effects/world.ts';
import type { MigrateOut } from '../migrate/source-states.ts';
import { waitMsOf } from '../peers/client-request.ts';
import { mustHavePlaceInQueue } from '../queue/limits.ts';
import type { Restore } from '../restore/states.ts';
import type { AnyKind } from '../runtime/kind.ts';
import type { Runner } from '../runtime/runner.ts';
import type { Save } from '../save/states.ts';
import type { Start } from '../start/states.ts';

/** The kinds of operation a client can begin. */
export interface OperationKinds {
  readonly start: AnyKind;
  readonly save: AnyKind;
  readonly restore: AnyKind;
  readonly migrateSource: AnyKind;
}

type Operation = ActionOf<'start' | 'migrate' | 'save' | 'restore'>;

/** Journals an operation and answers with its id; deciding and everything after it happens from the journal. */
export async function beginOperation(
  world: World,
  runner: Runner,
  kinds: OperationKinds,
  action: Operation,
  from: { readonly client: ClientName; readonly frame: Uint8Array },
): Promise<Answer> {
  const { vms, checkpoints, clock, random } = world;
  const id = <P extends 'op' | 'cp'>(prefix: P) => newId(prefix, clock.nowMs(), random(10));
  const operation = id('op') as OperationId;
  const begin = async (kind: AnyKind, vm: VmName, about: object) => {
    const state = { state: kind.table.initial, operation, vm, ...about };
    await runner.begin(kind, { operation, vm, client: from.client }, state, [{ effect: 'decide-request' }]);
    return { is: 'accepted', operation } as const;
  };
  switch (action.verb) {
    case 'start':
      vms.need(action.vm);
      return begin(kinds.start, action.vm, {} satisfies Omit<Start, 'operation' | 'vm'>);
    case 'migrate': {
      vms.need(action.vm);
      mustHavePlaceInQueue(world, runner.open());
      const { destination, options } = action;
      if (options.onTimeout === 'postcopy' && !options.allowPostcopy) {
        throw new BrokerError('USAGE_INVALID', 'post-copy at the timeout needs to be allowed');
      }
      return begin(kinds.migrateSource, action.vm, {
        destination,
        options,
        priority: action.priority ?? priorityDefault,
        queueMsMax: waitMsOf(action),
        drain: action.drain === true,
        request: from.frame,
      } satisfies Omit<MigrateOut, 'operation' | 'vm'>);
    }
    case 'save': {
      vms.need(action.vm);
      const job = check(jobName, action.job);
      return begin(kinds.save, action.vm, {
        checkpoint: id('cp') as CheckpointId,
        job: job.ok ? job.value : null,
      } satisfies Omit<Save, 'operation' | 'vm'>);
    }
    case 'restore': {
      // The manifest names the VM; it is not believed before its signature was checked.
      const { manifest } = await checkpoints.manifest(action.checkpoint);
      return begin(kinds.restore, manifest.carnet.spec.name, {
        checkpoint: action.checkpoint,
      } satisfies Omit<Restore, 'operation' | 'vm'>);
    }
  }
}
