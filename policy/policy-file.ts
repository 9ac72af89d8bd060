import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Diagnostic } from './policy.ts';

/** The bytes a policy's file may have: as many as a source may have characters. */
export const policyBytesMax = 96 * 1024 * 1024;

/** A policy's file while it is open: what it is made of can be told without having all of it in memory. */
export interface PolicyFile {
  /** The first bytes, up to `count`. */
  head(count: number): Uint8Array<ArrayBuffer>;
  /** SHA-256 of all bytes, in hex. */
  digest(): string;
  bytes(): Uint8Array<ArrayBuffer>;
  close(): void;
}

const chunkBytes = 256 * 1024;

/** Opens a policy's file. Throws when it cannot be opened, is no regular file or is too large. */
export function openPolicyFile(path: string): PolicyFile {
  const fd = openSync(path, 'r');
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a regular file');
    if (stat.size > policyBytesMax) throw new Error(`${stat.size} bytes, more than ${policyBytesMax}`);
    return {
      head: (count) => readUpTo(fd, new Uint8Array(count)),
      digest: () => digestOf(fd),
      bytes: () => readUpTo(fd, new Uint8Array(stat.size)),
      close: () => closeSync(fd),
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** All bytes of a policy's file; throws as `openPolicyFile` does. */
export function readPolicyBytes(path: string): Uint8Array<ArrayBuffer> {
  const file = openPolicyFile(path);
  try {
    return file.bytes();
  } finally {
    file.close();
  }
}

/** The bytes of a policy's file, if they are still those of the digest. */
export function readBytesAgain(path: string, digest: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = readPolicyBytes(path);
    return sha256(bytes) === digest ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** The one diagnostic of a policy that could not be read at all. */
export function cannotRead(path: string, error: unknown): Diagnostic {
  const message = `cannot read the policy: ${error instanceof Error ? error.message : String(error)}`;
  return { severity: 'error', file: path, line: 1, column: 1, span: { start: 0, end: 0 }, message };
}

/** The text of a source, which must be UTF-8; throws a TypeError where it is not. */
export function textOf(bytes: Uint8Array): string {
  // Most policies are ASCII, which is read in half the time and kept in half the space.
  if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function digestOf(fd: number): string {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(chunkBytes);
  for (let at = 0; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, count));
    at += count;
  }
}

/** Fills the bytes from the start of the file; fewer where it is shorter. */
function readUpTo(fd: number, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(fd, bytes, at, bytes.length - at, at);
    if (count === 0) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}
