import type { Checkpoints, Images, OpenImage, OpenImages } from '../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import { poolId } from '../values.ts';
import type { Calls } from './fake-vmm.ts';

/** A pool that has every image, labelled by its role. `open` counts what is open, so that a test sees what was left. */
export interface FakeImages extends Images {
  openCount: number;
  readonly labels: { disk: Label; kernel: Label; initrd: Label };
}

export function createFakeImages(labels: FakeImages['labels'], calls: Calls): FakeImages {
  const pool: FakeImages = {
    openCount: 0,
    labels,
    async open(specs): Promise<OpenImages> {
      pool.openCount += 1;
      let open = true;
      const images = specs.map(
        (spec): OpenImage => ({
          spec,
          label: pool.labels[spec.role],
          sizeBytes: 1024,
          pool: poolId,
          fd: -1,
          readOnlyFd: -1,
        }),
      );
      return {
        images,
        close() {
          if (open) pool.openCount -= 1;
          open = false;
        },
      };
    },
    async replace(name) {
      calls.push(`replace ${name}`);
    },
  };
  return pool;
}

/** Checkpoints that are kept as their manifests. */
export interface FakeCheckpoints extends Checkpoints {
  readonly kept: Map<CheckpointId, Manifest>;
  readonly pins: Map<VmName, CheckpointId>;
}

export function createFakeCheckpoints(calls: Calls): FakeCheckpoints {
  const kept = new Map<CheckpointId, Manifest>();
  const pins = new Map<VmName, CheckpointId>();
  const need = (checkpoint: CheckpointId): Manifest => {
    const found = kept.get(checkpoint);
    if (found === undefined) throw new BrokerError('CHECKPOINT_UNKNOWN');
    return found;
  };
  const digest = '0'.repeat(64);
  return {
    kept,
    pins,
    async begin(checkpoint) {
      calls.push(`begin ${checkpoint}`);
      return {
        checkpoint,
        streamPath: '/nowhere',
        disks: [],
        received: Promise.resolve(),
        async seal(about) {
          calls.push(`seal ${checkpoint}`);
          const file = { bytes: 1, digest };
          const disks = about.carnet.images
            .filter(({ spec }) => spec.role === 'disk')
            .map(({ spec, label }) => ({ spec, label, ...file }));
          const manifest: Manifest = { version: 1, checkpoint, ...about, memory: file, devices: file, disks };
          kept.set(checkpoint, manifest);
          return manifest;
        },
        async abandon() {
          calls.push(`abandon ${checkpoint}`);
        },
      };
    },
    list: async () => [...kept.values()],
    manifest: async (checkpoint) => ({
      manifest: need(checkpoint),
      digest,
      inUse: [...pins.values()].includes(checkpoint),
    }),
    async open(checkpoint) {
      calls.push(`verify ${checkpoint}`);
      return { manifest: need(checkpoint), memoryFd: -1, devicesFd: -1, diskFds: new Map(), verifyMs: 1, close() {} };
    },
    async pin(checkpoint, vm) {
      pins.set(vm, checkpoint);
    },
    async unpin(vm) {
      pins.delete(vm);
    },
    async remove(checkpoint) {
      need(checkpoint);
      if ([...pins.values()].includes(checkpoint)) throw new BrokerError('CHECKPOINT_IN_USE');
      kept.delete(checkpoint);
    },
    bytesOf: async () => 2,
  };
}
