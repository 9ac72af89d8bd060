import { mkdir, rename, rm } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { VmSpec } from '../../../shared/vm/spec.ts';
import type { CheckpointDraft } from '../runtime/ports.ts';
import { type Receiving, receive } from '../vmstate/receive.ts';
import { createDraftFiles } from './draft-files.ts';
import { orStoreFailed, removeTree, syncDirectory } from './files.ts';
import { directoryMode, file, type Paths } from './layout.ts';
import { type About, type Sealer, sealFiles } from './seal.ts';

/** A draft is for one VM. The stream's socket is in the broker's run directory: a store may be shared, or its path long. */
export interface DraftAsk {
  readonly checkpoint: CheckpointId;
  readonly spec: VmSpec;
  readonly stateLabel: Label;
  readonly streamPath: string;
}

/**
 * Begins a checkpoint: empty labelled files in a directory that is no checkpoint yet, and a socket that takes one stream. What
 * an earlier attempt left of the same draft is removed first. STORE_FAILED where files cannot be made.
 */
export async function beginDraft(ask: DraftAsk, paths: Paths, sealer: Sealer): Promise<CheckpointDraft> {
  const { checkpoint, spec, stateLabel, streamPath } = ask;
  const directory = paths.draft(checkpoint);
  const failed = `checkpoint ${checkpoint} cannot be written`;
  const files = await orStoreFailed(failed, async () => {
    await removeTree(directory);
    await rm(streamPath, { force: true });
    await mkdir(directory, { mode: directoryMode });
    return createDraftFiles(directory, spec, stateLabel, sealer.labels);
  });
  let receiving: Receiving;
  try {
    receiving = await receive({
      socketPath: streamPath,
      memoryFd: files.of(file.memory).fd,
      devicesFd: files.of(file.devices).fd,
      expected: {
        machine: spec.machine,
        uuid: Buffer.from(spec.uuid.replaceAll('-', ''), 'hex'),
        memoryBytes: spec.memoryMiB * 1024 * 1024,
      },
    });
  } catch (error) {
    await files.close();
    await removeTree(directory);
    throw error;
  }
  const received = receiving.received.then(() => {});
  received.catch(() => {});
  let abandoned = false;
  let committing: Promise<void> | undefined;
  const requireWanted = () => {
    if (abandoned) throw new BrokerError('OPERATION_CANCELLED', `checkpoint ${checkpoint} was abandoned`);
  };
  const commit = async () => {
    await rename(directory, paths.checkpoint(checkpoint));
    await syncDirectory(paths.store);
  };

  return {
    checkpoint,
    streamPath,
    disks: files.disks.map(({ spec: disk, path }) => ({ image: disk.name, path })),
    received,
    async seal(about: About) {
      if (about.stateLabel !== stateLabel) throw new Error('the draft was labelled for another state label');
      await received;
      try {
        return await orStoreFailed(failed, async () => {
          const manifest = await sealFiles(checkpoint, files, about, sealer);
          await syncDirectory(directory);
          requireWanted();
          committing = commit();
          await committing;
          await receiving.acknowledge(true);
          return manifest;
        });
      } catch (error) {
        requireWanted();
        throw error;
      } finally {
        await files.close();
      }
    },
    async abandon() {
      abandoned = true;
      await receiving.cancel();
      await orStoreFailed(`checkpoint ${checkpoint} cannot be removed`, async () => {
        await committing?.catch(() => {});
        await files.close();
        await rm(streamPath, { force: true });
        await rename(paths.checkpoint(checkpoint), paths.removed(checkpoint)).catch(() => {});
        await removeTree(paths.removed(checkpoint));
        await removeTree(directory);
        await syncDirectory(paths.store);
      });
    },
  };
}
