import { join } from 'node:path';
import type { CheckpointId, ImageName } from '../../../shared/ids.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import { closeAll, statFd } from '../images/descriptors.ts';
import type { OpenCheckpoint } from '../runtime/ports.ts';
import { CHUNK_BYTES, chunkCount, DIGEST_BYTES, digestOfList } from './digest.ts';
import { digestFile } from './digest-file.ts';
import type { FileLabels } from './file-labels.ts';
import { openPlainFile, readWhole } from './files.ts';
import { file } from './layout.ts';
import { type DescribedFile, damaged, describedFiles, readManifest } from './manifest-file.ts';

/**
 * Opens a checkpoint and checks every byte of every file against the signed manifest, through the descriptors that are
 * handed on. CHECKPOINT_UNKNOWN where there is none, CHECKPOINT_DAMAGED names the file and the chunk that differ. Nothing
 * stays open after a fault.
 */
export async function openCheckpoint(
  directory: string,
  checkpoint: CheckpointId,
  trust: Trust,
  labels: FileLabels,
): Promise<OpenCheckpoint> {
  const begunMs = performance.now();
  const { manifest } = await readManifest(directory, checkpoint, trust);
  if (manifest.memory.bytes !== manifest.carnet.spec.memoryMiB * 1024 * 1024) {
    throw damaged(checkpoint, 'the saved memory is not as large as the memory of the VM');
  }
  const files = describedFiles(manifest);
  const fds = new Map<string, number>();
  const openNamed = async (name: string): Promise<number> => {
    try {
      const fd = await openPlainFile(join(directory, name));
      fds.set(name, fd);
      return fd;
    } catch (error) {
      throw damaged(checkpoint, `${name} cannot be opened: ${(error as Error).message}`, error);
    }
  };
  const close = () => {
    closeAll([...fds.values()]);
    fds.clear();
  };
  const fdOf = (name: string) => fds.get(name)!;
  try {
    for (const { name } of files) await openNamed(name);
    const lists = await readLists(checkpoint, await openNamed(file.digests), files);
    await Promise.all(files.map((one) => requireLabel(checkpoint, one, fdOf(one.name), manifest, labels)));
    for (const one of files) await requireBytes(checkpoint, one, fdOf(one.name), lists.get(one.name)!);
  } catch (error) {
    close();
    throw error;
  }
  return {
    manifest,
    memoryFd: fdOf(file.memory),
    devicesFd: fdOf(file.devices),
    diskFds: new Map<ImageName, number>(manifest.disks.map(({ spec }) => [spec.name, fdOf(file.disk(spec.name))])),
    verifyMs: performance.now() - begunMs,
    close,
  };
}

/** The lists of chunk digests, each checked against the digest the manifest has for its file. */
async function readLists(checkpoint: CheckpointId, digests: number, files: readonly DescribedFile[]) {
  const lengthOf = ({ bytes }: DescribedFile) => chunkCount(bytes) * DIGEST_BYTES;
  const total = files.reduce((sum, described) => sum + lengthOf(described), 0);
  const all = await readWhole(digests, total);
  if (all?.length !== total) throw damaged(checkpoint, `${file.digests} does not have ${total} bytes`);
  const lists = new Map<string, Buffer>();
  let at = 0;
  for (const described of files) {
    const list = all.subarray(at, at + lengthOf(described));
    at += list.length;
    if (digestOfList(list) !== described.digest) {
      throw damaged(checkpoint, `${file.digests} does not hold the digests of ${described.name} that were signed`);
    }
    lists.set(described.name, list);
  }
  return lists;
}

async function requireBytes(checkpoint: CheckpointId, described: DescribedFile, fd: number, signed: Buffer) {
  const { name, bytes } = described;
  const { size } = await statFd(fd);
  if (size !== bytes) throw damaged(checkpoint, `${name} has ${size} bytes instead of ${bytes}`);
  const found = await digestFile(fd, bytes).catch((error: unknown) => {
    throw damaged(checkpoint, `${name} cannot be read: ${(error as Error).message}`, error);
  });
  for (let at = 0; at < signed.length; at += DIGEST_BYTES) {
    if (!found.subarray(at, at + DIGEST_BYTES).equals(signed.subarray(at, at + DIGEST_BYTES))) {
      const chunk = at / DIGEST_BYTES;
      throw damaged(
        checkpoint,
        `${name} differs from what was saved in chunk ${chunk} (from byte ${chunk * CHUNK_BYTES})`,
      );
    }
  }
}

/** Where the file system keeps labels, the files still carry the one that was decided. */
async function requireLabel(
  checkpoint: CheckpointId,
  { name }: DescribedFile,
  fd: number,
  { stateLabel }: Manifest,
  labels: FileLabels,
) {
  const found = await labels.read(fd);
  if (found !== undefined && found !== stateLabel) {
    throw damaged(checkpoint, `${name} is labelled ${found} instead of ${stateLabel}`);
  }
}
