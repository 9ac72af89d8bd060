import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { closeAll, errnoOf, openFd, readAt, statFd } from '../images/descriptors.ts';
import { draftMode } from './layout.ts';

const { O_CREAT, O_EXCL, O_RDWR, O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;

export const isMissing = (error: unknown): boolean => errnoOf(error) === 'ENOENT';

/** Runs file operations; what goes wrong is STORE_FAILED, said of `what`. */
export async function orStoreFailed<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw new BrokerError('STORE_FAILED', `${what}: ${(error as Error).message}`, { cause: error });
  }
}

/** Makes a file that was not there, for reading and writing. */
export const createFile = (path: string): Promise<FileHandle> =>
  open(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, draftMode);

/** Opens a plain file with one name for reading; neither a link nor a pipe that would wait. Answers with its descriptor. */
export async function openPlainFile(path: string): Promise<number> {
  const fd = await openFd(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stat = await statFd(fd);
  if (stat.isFile() && stat.nlink === 1) return fd;
  closeAll([fd]);
  throw new Error(`${path} is not a plain file with one name`);
}

/** The whole of an open file; nothing where it has more than `bytesMax` bytes. */
export async function readWhole(fd: number, bytesMax: number): Promise<Buffer | undefined> {
  const bytes = await readAt(fd, 0, bytesMax + 1);
  return bytes.length > bytesMax ? undefined : bytes;
}

/** The whole of a plain file, as `readWhole`. */
export async function readPlainFile(path: string, bytesMax: number): Promise<Buffer | undefined> {
  const fd = await openPlainFile(path);
  try {
    return await readWhole(fd, bytesMax);
  } finally {
    closeAll([fd]);
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
