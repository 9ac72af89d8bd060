import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 2000;

/** The last words QEMU wrote to its log since `offset`, bounded, without control characters. Empty when there are none. */
export function logTail(path: string, offset: number): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const end = fstatSync(fd).size;
    const from = Math.max(offset, end - tailBytes);
    const buffer = Buffer.alloc(Math.max(0, end - from));
    const read = readSync(fd, buffer, 0, buffer.length, from);
    return buffer
      .toString('utf8', 0, read)
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim();
  } finally {
    closeSync(fd);
  }
}
