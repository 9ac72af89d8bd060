import { constants } from 'node:fs';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { imageName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import { check } from '../../../shared/schema/schema.ts';
import { writes } from '../../../shared/vm/image-access.ts';
import type { ImageSpec } from '../../../shared/vm/spec.ts';
import type { OpenImage } from '../runtime/ports.ts';
import { closeAll, closeFd, errnoOf, findIn, readAt, reopen, statFd } from './descriptors.ts';
import type { FileContexts } from './file-contexts.ts';
import { readLabel } from './file-label.ts';
import type { Pool } from './pool.ts';
import { headerBytesMax, looksLikeQcow2, parseQcow2 } from './qcow2.ts';

/**
 * Opens one image: finds the name, sees that it is a plain file with one link, opens that very file twice, reads its label and its
 * header through the descriptor. A name that is not an image name, a link, a directory, a pipe or a device is IMAGE_UNSAFE,
 * and so is a header that names a file its spec does not. IMAGE_UNKNOWN: no such file. IMAGE_UNLABELLED: no label.
 */
export async function openImage(pool: Pool, contexts: FileContexts | undefined, spec: ImageSpec): Promise<OpenImage> {
  const found = await find(pool, spec.name);
  const opened: number[] = [];
  try {
    opened.push(await reopen(found, writes(spec) ? constants.O_RDWR : constants.O_RDONLY));
    opened.push(await reopen(found, constants.O_RDONLY));
    const [fd, readOnlyFd] = opened as [number, number];
    const fileBytes = await checkSameFile(spec.name, found, fd, readOnlyFd);
    const sizeBytes = await checkContent(spec, fd, fileBytes);
    return { spec, label: await labelOf(pool, contexts, spec.name, fd), sizeBytes, pool: pool.id, fd, readOnlyFd };
  } catch (cause) {
    closeAll(opened);
    if (cause instanceof BrokerError) throw cause;
    throw new BrokerError('IMAGE_UNSAFE', `the image ${spec.name} cannot be opened: ${errnoOf(cause)}`, { cause });
  } finally {
    await closeFd(found);
  }
}

async function find(pool: Pool, name: string): Promise<number> {
  if (!check(imageName, name).ok) throw unsafe('an image', 'its name could be a path');
  let found: number;
  try {
    found = await findIn(pool.fd, name);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw new BrokerError('IMAGE_UNKNOWN', `there is no image ${name} in the pool`);
    throw new BrokerError('IMAGE_UNSAFE', `the image ${name} cannot be opened: ${errnoOf(cause)}`, { cause });
  }
  const stat = await statFd(found);
  if (stat.isFile() && stat.nlink === 1) return found;
  await closeFd(found);
  throw unsafe(name, stat.isFile() ? 'the file has more than one name' : 'it is not a plain file');
}

/** What was found and both descriptors are one file, and it still has one name. The answer is its size in bytes. */
async function checkSameFile(name: string, ...fds: readonly number[]): Promise<number> {
  const stats = await Promise.all(fds.map((fd) => statFd(fd)));
  const [first] = stats;
  const same = stats.every(
    (stat) => stat.isFile() && stat.nlink === 1 && stat.ino === first?.ino && stat.dev === first.dev,
  );
  if (first === undefined || !same) throw unsafe(name, 'it was replaced while it was opened');
  if (first.size > limits.imageBytes) throw unsafe(name, 'it is larger than any image may be');
  return first.size;
}

/** The size the VM sees, of an image whose content is what its spec says and refers to nothing else. */
async function checkContent(spec: ImageSpec, fd: number, fileBytes: number): Promise<number> {
  const head = await readAt(fd, 0, spec.format === 'raw' ? 4 : headerBytesMax);
  if (spec.format === 'raw') {
    if (looksLikeQcow2(head)) throw unsafe(spec.name, 'it is said to be raw and begins like a qcow2 file');
    return fileBytes;
  }
  const parsed = parseQcow2(head);
  if (!parsed.ok) throw unsafe(spec.name, parsed.problem);
  const { backing, backingFormat, virtualBytes } = parsed.header;
  if (backing !== spec.backing) {
    const named = backing === undefined ? 'no backing file' : 'a backing file';
    throw unsafe(spec.name, `its header names ${named} and its spec ${spec.backing ?? 'none'}`);
  }
  if (backing !== undefined && backingFormat !== 'raw' && backingFormat !== 'qcow2') {
    throw unsafe(spec.name, 'its header does not say that its backing file is raw or qcow2');
  }
  if (virtualBytes > limits.imageBytes) throw unsafe(spec.name, 'it is larger than any image may be');
  return virtualBytes;
}

async function labelOf(pool: Pool, contexts: FileContexts | undefined, name: string, fd: number): Promise<Label> {
  const label = (await readLabel(fd)) ?? contexts?.(`${pool.directory}/${name}`);
  if (label !== undefined) return label;
  throw new BrokerError('IMAGE_UNLABELLED', `the image ${name} has no security label`, {
    hint: `label it (chcon CONTEXT ${name}), or name its label in the pool's file_contexts`,
  });
}

const unsafe = (name: string, why: string) => new BrokerError('IMAGE_UNSAFE', `the image ${name} is refused: ${why}`);
