import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, HostName } from '../../../shared/ids.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import type { Checkpoints } from '../runtime/ports.ts';
import { beginDraft } from './draft.ts';
import { type FileLabels, fileLabels } from './file-labels.ts';
import { isMissing, orStoreFailed, removeTree, syncDirectory } from './files.ts';
import { directoryMode, kindOf, type Paths, pathsOf } from './layout.ts';
import { readManifest } from './manifest-file.ts';
import { openCheckpoint } from './open.ts';
import { openPins, type Pins } from './pins.ts';
import type { Sealer } from './seal.ts';

/** What the checkpoints of a host need. */
export interface CheckpointsBy extends Omit<Sealer, 'labels'> {
  /** Where they are kept; hosts may share it. */
  readonly directory: string;
  /** A private directory for sockets, on this host. */
  readonly run: string;
  readonly host: HostName;
  readonly trust: Trust;
  /** How files are labelled; the file system's own labels where nothing is said. */
  readonly labels?: FileLabels;
}

/**
 * Opens the store, making its directory where there is none, and removes what a crash of this host left in it. A
 * checkpoint is there when its directory has its name: that is a rename, after everything in it is durable.
 */
export async function openCheckpoints(by: CheckpointsBy): Promise<Checkpoints> {
  const { directory, run, host, trust, labels = fileLabels } = by;
  const paths = pathsOf(directory, host);
  const pins = await orStoreFailed(`the checkpoints in ${directory} cannot be opened`, async () => {
    await mkdir(directory, { recursive: true, mode: directoryMode });
    await removeLeftOvers(paths, host);
    return openPins(paths);
  });

  return {
    async begin(checkpoint, spec, stateLabel) {
      if (await exists(paths.checkpoint(checkpoint))) {
        throw new BrokerError('STORE_FAILED', `${checkpoint} is there already`);
      }
      const streamPath = join(run, `${checkpoint}.sock`);
      return beginDraft({ checkpoint, spec, stateLabel, streamPath }, paths, { ...by, labels });
    },
    async list() {
      const names = await orStoreFailed('the checkpoints cannot be listed', () => readdir(directory));
      const found: Manifest[] = [];
      for (const name of names) {
        const kind = kindOf(name, host);
        if (typeof kind !== 'object') continue;
        const whole = await readManifest(paths.checkpoint(kind.checkpoint), kind.checkpoint, trust).catch(
          () => undefined,
        );
        if (whole !== undefined) found.push(whole.manifest);
      }
      return found.sort((one, other) => other.takenAtMs - one.takenAtMs);
    },
    async manifest(checkpoint) {
      const read = await readManifest(paths.checkpoint(checkpoint), checkpoint, trust);
      const holder = await orStoreFailed('the pins cannot be read', () => pins.holderOf(checkpoint));
      return { ...read, inUse: holder !== undefined };
    },
    open: (checkpoint) => openCheckpoint(paths.checkpoint(checkpoint), checkpoint, trust, labels),
    pin: (checkpoint, vm) =>
      orStoreFailed(`${checkpoint} cannot be pinned`, async () => {
        await pins.put(vm, checkpoint);
        if (await exists(paths.checkpoint(checkpoint))) return;
        await pins.drop(vm);
        throw unknown(checkpoint);
      }),
    unpin: (vm) => orStoreFailed(`the pin of ${vm} cannot be removed`, () => pins.drop(vm)),
    remove: (checkpoint) => orStoreFailed(`${checkpoint} cannot be removed`, () => remove(checkpoint, paths, pins)),
    bytesOf: (checkpoint) =>
      orStoreFailed(`${checkpoint} cannot be measured`, () => allocatedBytes(paths.checkpoint(checkpoint), checkpoint)),
  };
}

const unknown = (checkpoint: CheckpointId) =>
  new BrokerError('CHECKPOINT_UNKNOWN', `no checkpoint ${checkpoint} on this host`);

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function removeLeftOvers(paths: Paths, host: HostName): Promise<void> {
  for (const name of await readdir(paths.store)) {
    if (kindOf(name, host) === 'left-over') await removeTree(join(paths.store, name));
  }
}

/**
 * Takes the name away first: from then on it is no checkpoint, also after a crash. A pin set in between is seen either here,
 * and the name is given back, or by whoever set it, who finds no checkpoint.
 */
async function remove(checkpoint: CheckpointId, paths: Paths, pins: Pins): Promise<void> {
  const requireUnpinned = async () => {
    const vm = await pins.holderOf(checkpoint);
    if (vm !== undefined) throw new BrokerError('CHECKPOINT_IN_USE', `${vm} still maps ${checkpoint}`);
  };
  if (!(await exists(paths.checkpoint(checkpoint)))) throw unknown(checkpoint);
  await requireUnpinned();
  await removeTree(paths.removed(checkpoint));
  await rename(paths.checkpoint(checkpoint), paths.removed(checkpoint));
  try {
    await requireUnpinned();
  } catch (error) {
    await rename(paths.removed(checkpoint), paths.checkpoint(checkpoint));
    throw error;
  }
  await syncDirectory(paths.store);
  await removeTree(paths.removed(checkpoint));
}

/** Holes are not counted. */
async function allocatedBytes(directory: string, checkpoint: CheckpointId): Promise<number> {
  let bytes = 0;
  const names = await readdir(directory).catch((error: unknown) => {
    throw isMissing(error) ? unknown(checkpoint) : error;
  });
  for (const name of names) bytes += (await lstat(join(directory, name))).blocks * 512;
  return bytes;
}
