import { join } from 'node:path';
import { type CheckpointId, checkpointId, type HostName, type ImageName, type VmName } from '../../../shared/ids.ts';
import { check } from '../../../shared/schema/schema.ts';

/*
 * A store is a directory; hosts that restore one another's checkpoints share it.
 *
 *   <checkpoint>/manifest          the signed record; where it is, the checkpoint is whole
 *   <checkpoint>/memory            the guest's memory, as QEMU maps it
 *   <checkpoint>/devices           the rest of its state, as a stream QEMU loads
 *   <checkpoint>/disk-<image>      every disk the guest can write, as it was at that moment
 *   <checkpoint>/digests           SHA-256 of every MiB of memory, devices and disks, in the manifest's order
 *   .draft-<host>.<checkpoint>/    a checkpoint being written by that host
 *   .removed-<checkpoint>/         a checkpoint being removed
 *   .pins/<vm>                     the checkpoint that VM maps
 */

export const file = {
  manifest: 'manifest',
  memory: 'memory',
  devices: 'devices',
  digests: 'digests',
  disk: (image: ImageName) => `disk-${image}`,
} as const;

export const directoryMode = 0o700;
export const draftMode = 0o600;
export const sealedMode = 0o400;

const draftPrefix = (host: HostName) => `.draft-${host}.`;
const removedPrefix = '.removed-';
const pins = '.pins';

/** Every path of a store. Ids and names are checked where they come from and hold no slash. */
export const pathsOf = (store: string, host: HostName) => ({
  store,
  pins: join(store, pins),
  pin: (vm: VmName) => join(store, pins, vm),
  checkpoint: (checkpoint: CheckpointId) => join(store, checkpoint),
  draft: (checkpoint: CheckpointId) => join(store, `${draftPrefix(host)}${checkpoint}`),
  removed: (checkpoint: CheckpointId) => join(store, `${removedPrefix}${checkpoint}`),
});
export type Paths = ReturnType<typeof pathsOf>;

/** What a name in a store is to a host that opens it: a checkpoint, something a crash left behind, or neither. */
export function kindOf(name: string, host: HostName): { checkpoint: CheckpointId } | 'left-over' | 'other' {
  if (name.startsWith(draftPrefix(host)) || name.startsWith(removedPrefix)) return 'left-over';
  const id = check(checkpointId, name);
  return id.ok ? { checkpoint: id.value } : 'other';
}
