import { closeSync, constants, openSync, readdirSync, readSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { unavailable } from './faults.ts';

/** What the kernel said: a value, or the name of the error (`EINVAL`, `EACCES`, …). */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errno: string };

/**
 * The files of a selinuxfs, by their path below its mount point. Nothing is thrown; an answer that is longer than
 * allowed is `EFBIG`, one that is shorter than announced `EIO`.
 */
export interface Selinuxfs {
  /** A whole file of at most `bytesMax` bytes. */
  read(path: string, bytesMax: number): Reply<Uint8Array>;
  /** Pieces of one file, in the order given, each by a read of its own from the same opening. */
  readPieces(path: string, pieces: readonly Piece[]): Reply<readonly Uint8Array[]>;
  /** Writes a request, which the kernel takes or refuses as a whole. */
  write(path: string, request: string): Reply<undefined>;
  /** Writes a question and reads its answer, at most a page, from the same opening. */
  transact(path: string, request: string): Reply<string>;
  /** The names in a folder, sorted; more than `namesMax` are `EFBIG`. */
  list(path: string, namesMax: number): Reply<readonly string[]>;
}

/** Where to read in a file, and how many bytes. */
interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** A page less what the kernel keeps beside a question and less the NUL it puts behind it (linux/fs.h, `SIMPLE_TRANSACTION_LIMIT`). */
export const requestBytesMax = 4096 - 8 - 1;
const answerBytesMax = 4096;
const chunkBytes = 64 * 1024;

/** linux/magic.h, `SELINUX_MAGIC`. */
const selinuxMagic = 0xf97cff8c;

/**
 * The selinuxfs mounted at `mount`. Its files are answered from the kernel's memory within the system call, so the calls
 * are synchronous: there is no disk to wait for, and a question costs less than a turn of the event loop.
 * @throws BrokerError POLICY_UNAVAILABLE where no selinuxfs is mounted there.
 */
export function openSelinuxfs(mount: string): Selinuxfs {
  const magic = attempt(() => statfsSync(mount).type);
  if (!magic.ok || magic.value >>> 0 !== selinuxMagic) {
    throw unavailable(`no selinuxfs is mounted at ${mount}`, magic.ok ? 'EINVAL' : magic.errno);
  }
  const within = <T>(path: string, flags: number, use: (fd: number) => Reply<T>): Reply<T> => {
    const opened = attempt(() => openSync(join(mount, path), flags | constants.O_NOFOLLOW));
    if (!opened.ok) return opened;
    try {
      return use(opened.value);
    } finally {
      closeSync(opened.value);
    }
  };
  return {
    read: (path, bytesMax) => within(path, constants.O_RDONLY, (fd) => readUpTo(fd, bytesMax)),
    readPieces: (path, pieces) => within(path, constants.O_RDONLY, (fd) => readExactly(fd, pieces)),
    write: (path, request) => within(path, constants.O_WRONLY, (fd) => writeWhole(fd, request)),
    transact: (path, request) =>
      within(path, constants.O_RDWR, (fd) => {
        const written = writeWhole(fd, request);
        if (!written.ok) return written;
        const answer = readUpTo(fd, answerBytesMax);
        return answer.ok ? { ok: true, value: Buffer.from(answer.value).toString('latin1') } : answer;
      }),
    list: (path, namesMax) => {
      const names = attempt(() => readdirSync(join(mount, path)).sort());
      return names.ok && names.value.length > namesMax ? { ok: false, errno: 'EFBIG' } : names;
    },
  };
}

function attempt<T>(call: () => T): Reply<T> {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    return { ok: false, errno: (error as NodeJS.ErrnoException).code ?? 'EIO' };
  }
}

function writeWhole(fd: number, request: string): Reply<undefined> {
  const bytes = Buffer.from(request, 'latin1');
  if (bytes.length > requestBytesMax) return { ok: false, errno: 'EFBIG' };
  const written = attempt(() => writeSync(fd, bytes));
  if (!written.ok) return written;
  return written.value === bytes.length ? { ok: true, value: undefined } : { ok: false, errno: 'EIO' };
}

/** One byte more than allowed is asked for, so that a longer file is noticed. */
function readUpTo(fd: number, bytesMax: number): Reply<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(bytesMax + 1 - size, chunkBytes));
    const read = attempt(() => readSync(fd, chunk, 0, chunk.length, size));
    if (!read.ok) return read;
    if (read.value === 0) return { ok: true, value: Buffer.concat(chunks) };
    chunks.push(chunk.subarray(0, read.value));
    size += read.value;
    if (size > bytesMax) return { ok: false, errno: 'EFBIG' };
  }
}

function readExactly(fd: number, pieces: readonly Piece[]): Reply<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const { offset, length } of pieces) {
    const bytes = new Uint8Array(length);
    const read = attempt(() => readSync(fd, bytes, 0, length, offset));
    if (!read.ok) return read;
    if (read.value !== length) return { ok: false, errno: 'EIO' };
    found.push(bytes);
  }
  return { ok: true, value: found };
}
