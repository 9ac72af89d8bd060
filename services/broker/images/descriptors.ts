import { close, closeSync, constants, fstat, open, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';

/*
 * Files by descriptor. A path is resolved once; from then on the kernel's own link to the open file stands for it, so that
 * nothing can be put in its place between a check and a use.
 */

/** Linux's flag for a descriptor that names a file without opening it: nothing blocks, and no device wakes up. */
const O_PATH = 0o10000000;

export const openFd = promisify(open);
export const closeFd = promisify(close);
export const statFd: (fd: number) => Promise<Stats> = promisify(fstat);
const readFd = promisify(read);

/** The path that means the open file itself. */
export const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;
/** The path of a name in an open directory. */
export const pathIn = (directoryFd: number, name: string): string => `/proc/self/fd/${directoryFd}/${name}`;

/** Opens a directory, to find names in it later whatever happens to its path. */
export const openDirectory = (path: string): Promise<number> =>
  openFd(path, constants.O_RDONLY | constants.O_DIRECTORY);

/** Finds a name in a directory without following it and without opening it. */
export const findIn = (directoryFd: number, name: string): Promise<number> =>
  openFd(pathIn(directoryFd, name), O_PATH | constants.O_NOFOLLOW);

/** Opens what a descriptor of `findIn` names. */
export const reopen = (fd: number, flags: number): Promise<number> => openFd(pathOf(fd), flags | constants.O_NONBLOCK);

/** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
export async function readAt(fd: number, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await readFd(fd, buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** Closes what is open, whatever happens; for cleaning up after something else went wrong. */
export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd);
    } catch {}
  }
}

/** The code of a system error, such as `ENOENT`. */
export const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
