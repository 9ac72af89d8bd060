import { randomUUID } from 'node:crypto';
import { constants, fsync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type ImageName, imageName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import { check } from '../../../shared/schema/schema.ts';
import { closeFd, errnoOf, findIn, pathIn, readAt, statFd } from './descriptors.ts';
import type { FileContexts } from './file-contexts.ts';
import { writeLabel } from './file-label.ts';
import type { Pool } from './pool.ts';

const copyBytes = 1024 * 1024;
const syncFd = promisify(fsync);

/**
 * Puts a copy of `sourceFd` in the place of an image: written beside it under a name no image can have, labelled before the
 * first byte, synced, and renamed over it. Whoever has the old file open keeps the old file. On a fault the image is as it was.
 */
export async function replaceImage(
  pool: Pool,
  contexts: FileContexts | undefined,
  name: ImageName,
  sourceFd: number,
  label: Label,
): Promise<void> {
  if (!check(imageName, name).ok) throw new BrokerError('IMAGE_UNSAFE', 'an image name could be a path');
  await checkReplaceable(pool, name);
  const draft = pathIn(pool.fd, `.${name}.${randomUUID()}`);
  try {
    const file = await open(
      draft,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await giveLabel(pool, contexts, name, file.fd, label);
      await copy(sourceFd, file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, pathIn(pool.fd, name));
    await syncFd(pool.fd);
  } catch (cause) {
    await unlink(draft).catch(() => undefined);
    if (cause instanceof BrokerError) throw cause;
    throw new BrokerError('STORE_FAILED', `the image ${name} cannot be replaced: ${errnoOf(cause)}`, { cause });
  }
}

/** What is in the image's place, if anything, is a plain file. */
async function checkReplaceable(pool: Pool, name: string): Promise<void> {
  let found: number;
  try {
    found = await findIn(pool.fd, name);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return;
    throw new BrokerError('STORE_FAILED', `the image ${name} cannot be replaced: ${errnoOf(cause)}`, { cause });
  }
  const isFile = (await statFd(found)).isFile();
  await closeFd(found);
  if (!isFile) throw new BrokerError('IMAGE_UNSAFE', `the image ${name} is not a plain file`);
}

/** Where files cannot carry a label, the pool's file_contexts has to give this name the same one. */
async function giveLabel(
  pool: Pool,
  contexts: FileContexts | undefined,
  name: string,
  fd: number,
  label: Label,
): Promise<void> {
  if (await writeLabel(fd, label)) return;
  if (contexts?.(`${pool.directory}/${name}`) === label) return;
  throw new BrokerError('IMAGE_UNLABELLED', `the image ${name} cannot be given the label ${label}`, {
    hint: "the pool's file system takes no labels, and its file_contexts does not give this one",
  });
}

/** Copies block by block; blocks of zeros become holes. */
async function copy(sourceFd: number, to: FileHandle): Promise<void> {
  const zeros = Buffer.alloc(copyBytes);
  const { size } = await statFd(sourceFd);
  if (size > limits.imageBytes) throw new BrokerError('IMAGE_UNSAFE', 'a disk is larger than any image may be');
  await to.truncate(size);
  for (let at = 0; at < size; at += copyBytes) {
    const block = await readAt(sourceFd, at, Math.min(copyBytes, size - at));
    if (block.length === 0) throw new BrokerError('STORE_FAILED', 'a disk became shorter while it was copied');
    if (!block.equals(zeros.subarray(0, block.length))) await writeAll(to, block, at);
  }
}

async function writeAll(to: FileHandle, block: Buffer, position: number): Promise<void> {
  for (let done = 0; done < block.length; ) {
    const { bytesWritten } = await to.write(block, done, block.length - done, position + done);
    done += bytesWritten;
  }
}
