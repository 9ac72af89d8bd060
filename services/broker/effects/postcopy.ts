import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, VmName } from '../../../shared/ids.ts';
import type { VmSpec } from '../../../shared/vm/spec.ts';
import type { DestinationEvent } from '../migrate/destination-states.ts';
import type { SourceEvent } from '../migrate/source-states.ts';
import type { Performing } from '../runtime/kind.ts';
import type { World } from './world.ts';

/* What post-copy asks of the world: a checkpoint beforehand, and of QEMU how far it is. */

/** The same as `recentCheckpoint`, every byte of it checked. CHECKPOINT_DAMAGED where it is not what it was. */
export async function checkpointFor(world: World, spec: VmSpec): Promise<CheckpointId> {
  const newest = await recentCheckpoint(world, spec);
  (await world.checkpoints.open(newest)).close();
  return newest;
}

/**
 * The newest checkpoint of a VM. HOST_INCOMPATIBLE where this host allows no post-copy, CHECKPOINT_NEEDED where there is
 * none or it is too old.
 */
export async function recentCheckpoint(world: World, spec: VmSpec): Promise<CheckpointId> {
  mustAllowPostcopy(world);
  const { checkpoints, clock, migrations } = world;
  const hint = `take one first: carnet vm save ${spec.name}`;
  const newest = (await checkpoints.list()).find(
    ({ carnet }) => carnet.spec.name === spec.name && carnet.spec.uuid === spec.uuid,
  );
  if (newest === undefined) {
    const message = `post-copy may lose ${spec.name}, and there is no checkpoint of it here`;
    throw new BrokerError('CHECKPOINT_NEEDED', message, { hint });
  }
  const ageMinutes = Math.floor((clock.nowMs() - newest.takenAtMs) / 60_000);
  if (ageMinutes >= migrations.checkpointMinutesMax) {
    const age = `${ageMinutes} minutes old, where ${migrations.checkpointMinutesMax} are the most`;
    const message = `post-copy may lose ${spec.name}, and its newest checkpoint here is ${age}`;
    throw new BrokerError('CHECKPOINT_NEEDED', message, { hint });
  }
  return newest.checkpoint;
}

/** HOST_INCOMPATIBLE where this host neither sends nor takes in by post-copy. */
export function mustAllowPostcopy({ host, migrations }: Pick<World, 'host' | 'migrations'>): void {
  if (migrations.postcopy) return;
  throw new BrokerError('HOST_INCOMPATIBLE', `${host} allows no post-copy`, {
    hint: 'leave --allow-postcopy out, or allow it with migrations.postcopy in its broker.yaml',
  });
}

/** CHECKPOINT_NEEDED where the checkpoint that post-copy was allowed with is not there any more. */
export async function mustHaveCheckpoint(
  { checkpoints }: World,
  vm: VmName,
  checkpoint: CheckpointId | undefined,
): Promise<void> {
  const kept = (await checkpoints.list()).some((manifest) => manifest.checkpoint === checkpoint);
  if (kept) return;
  throw new BrokerError('CHECKPOINT_NEEDED', `the checkpoint of ${vm} is gone: post-copy is not begun without it`, {
    hint: `take one, and ask again: carnet vm save ${vm}`,
  });
}

const lookMsMax = 500;
const looksMax = 16;

/** Looks again and again, ever more slowly, until `look` has an answer, or some seconds have gone by. */
async function lookUntil<T>(
  { overtaken, wait }: Performing,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let looks = 0; looks < looksMax && !overtaken(); looks++) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await wait(Math.min(10 * 2 ** looks, lookMsMax));
  }
  return undefined;
}

/**
 * Which way QEMU went on. It says `postcopy-active` before it has sent a byte of it, and may fail after that, and then the
 * guest is still here. Once a page has been sent after the rest it cannot fail any more.
 */
export const awaitPostcopy = ({ vms }: World, vm: VmName, performing: Performing): Promise<SourceEvent | undefined> =>
  lookUntil(performing, async (): Promise<SourceEvent | undefined> => {
    const { status, postcopyBytes } = await vms.needProcess(vm).figures();
    switch (status) {
      case 'completed':
        return { event: 'sent' };
      case 'failed':
      case 'cancelled':
        return {
          event: 'transfer-failed',
          fault: { code: 'TRANSFER_FAILED', message: 'QEMU could not begin post-copy' },
        };
      case 'postcopy-active':
        return postcopyBytes > 0 ? { event: 'postcopy-began' } : undefined;
      case 'postcopy-paused':
      case 'postcopy-recover':
        return { event: 'postcopy-began' };
      default:
        return undefined;
    }
  });

/** Whether QEMU has loaded everything but memory: then it does not wait for a guest any more. */
export const awaitDevices = (
  { vms }: World,
  vm: VmName,
  performing: Performing,
): Promise<DestinationEvent | undefined> =>
  lookUntil(performing, async () =>
    (await vms.needProcess(vm).state()) === 'incoming' ? undefined : { event: 'devices-loaded' },
  );

/** How far the pulling is, where that is more than before. */
export async function lookAtPull({ vms }: World, vm: VmName): Promise<DestinationEvent | undefined> {
  const process = vms.process(vm);
  if (process === undefined) return vms.silent(vm) === undefined ? memoryLost : undefined;
  switch ((await process.figures()).status) {
    case 'completed':
      return { event: 'pulled' };
    case 'postcopy-paused':
      return { event: 'cut' };
    default:
      return undefined;
  }
}

export const memoryLost: DestinationEvent = {
  event: 'memory-lost',
  fault: { code: 'MEMORY_LOST', message: 'QEMU ended while part of the memory was missing' },
};
