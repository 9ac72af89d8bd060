import type { Checkpoints, Images, OpenImage } from '../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import type { CheckpointId, VmName } from '../../shared/ids.ts';
import type { Manifest } from '../../shared/vm/carnet.ts';
import { labelOf, poolId } from '../support/values.ts';
import type { Chances } from './chances.ts';

const diskLabel = labelOf('system_u:object_r:qemu_virtdisk_t:s0');
const digest = '0'.repeat(64);

/** What all hosts share: the pool, and the checkpoints with their pins and drafts. */
export interface Storage {
  /** Checkpoints with a byte that is not what it was. */
  readonly damaged: Set<CheckpointId>;
  readonly kept: Map<CheckpointId, Manifest>;
  readonly pins: Map<VmName, CheckpointId>;
  /** Drafts by the host that writes them. */
  readonly drafts: Map<CheckpointId, string>;
}

export const createStorage = (): Storage => ({
  damaged: new Set(),
  kept: new Map(),
  pins: new Map(),
  drafts: new Map(),
});

/** A pool that has every image. `open` counts what a broker holds open. */
export function createSimImages(chances: Chances): Images & { open: Images['open']; held: number } {
  const images = {
    held: 0,
    open: (specs: Parameters<Images['open']>[0]) =>
      chances.later(() => {
        images.held += 1;
        let open = true;
        return {
          images: specs.map(
            (spec): OpenImage => ({
              spec,
              label: diskLabel,
              sizeBytes: 1024,
              pool: poolId,
              fd: -1,
              readOnlyFd: -1,
            }),
          ),
          close() {
            if (open) images.held -= 1;
            open = false;
          },
        };
      }),
    replace: () => chances.later(() => undefined),
  };
  return images;
}

/** The checkpoints as one host's broker has them. */
export function createSimCheckpoints(
  storage: Storage,
  host: string,
  chances: Chances,
  cannotRemove: () => boolean,
): Checkpoints {
  const { kept, pins, drafts, damaged } = storage;
  // What a crash of this host left is removed when its broker comes.
  for (const [checkpoint, writer] of drafts) if (writer === host) drafts.delete(checkpoint);
  const need = (checkpoint: CheckpointId): Manifest => {
    const found = kept.get(checkpoint);
    if (found === undefined) throw new BrokerError('CHECKPOINT_UNKNOWN');
    return found;
  };
  const file = { bytes: 1, digest };
  return {
    begin: (checkpoint) =>
      chances.later(() => {
        if (kept.has(checkpoint)) throw new BrokerError('STORE_FAILED', `${checkpoint} is there already`);
        drafts.set(checkpoint, host);
        return {
          checkpoint,
          streamPath: '/nowhere',
          disks: [],
          received: Promise.resolve(),
          seal: (about) =>
            chances.muchLater(() => {
              if (drafts.get(checkpoint) !== host) throw new BrokerError('OPERATION_CANCELLED', 'it was abandoned');
              drafts.delete(checkpoint);
              const disks = about.carnet.images.map(({ spec, label }) => ({ spec, label, ...file }));
              const manifest: Manifest = { version: 1, checkpoint, ...about, memory: file, devices: file, disks };
              kept.set(checkpoint, manifest);
              return manifest;
            }),
          abandon: () =>
            chances.later(() => {
              if (cannotRemove()) throw new BrokerError('STORE_FAILED', 'the draft cannot be removed');
              drafts.delete(checkpoint);
            }),
        };
      }),
    list: async () => [...kept.values()],
    manifest: (checkpoint) => chances.later(() => ({ manifest: need(checkpoint), digest, inUse: false })),
    open: (checkpoint) =>
      chances.muchLater(() => {
        if (damaged.has(checkpoint)) throw new BrokerError('CHECKPOINT_DAMAGED');
        return {
          manifest: need(checkpoint),
          memoryFd: -1,
          devicesFd: -1,
          diskFds: new Map(),
          verifyMs: 1,
          close() {},
        };
      }),
    pin: (checkpoint, vm) => chances.later(() => void pins.set(vm, checkpoint)),
    unpin: (vm) => chances.later(() => void pins.delete(vm)),
    remove: (checkpoint) => chances.later(() => void kept.delete(checkpoint)),
    bytesOf: async () => 2,
  };
}
