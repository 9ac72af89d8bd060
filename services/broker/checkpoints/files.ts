import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { draftMode } from './layout.ts';

const { O_CREAT, O_EXCL, O_RDWR, O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;

export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

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

/** Opens a plain file with one name; neither a link nor a pipe that would wait. */
export async function openPlainFile(path: string): Promise<FileHandle> {
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stat = await handle.stat();
  if (stat.isFile() && stat.nlink === 1) return handle;
  await handle.close();
  throw new Error(`${path} is not a plain file with one name`);
}

/** Reads a whole file of at most `bytesMax` from its beginning; nothing where it is larger. */
export async function readWhole(handle: FileHandle, bytesMax: number): Promise<Buffer | undefined> {
  const { size } = await handle.stat();
  if (size > bytesMax) return undefined;
  const bytes = Buffer.alloc(size);
  let have = 0;
  while (have < size) {
    const { bytesRead } = await handle.read(bytes, have, size - have, have);
    if (bytesRead === 0) return undefined;
    have += bytesRead;
  }
  return bytes;
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
