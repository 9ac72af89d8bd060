import { writevSync } from 'node:fs';
import { BrokerError } from '../../../shared/errors/broker-error.ts';

/** What one writev takes: IOV_MAX of Linux. */
const SLICES_MAX = 1024;

/** Writes all of `slices`, one after the other, from `offset` on. Fails with STORE_FAILED. */
export function writeAll(fd: number, slices: readonly Uint8Array[], offset: number): void {
  let at = offset;
  let left = slices;
  while (left.length > 0) {
    const now = left.slice(0, SLICES_MAX);
    let written: number;
    try {
      written = writevSync(fd, now, at);
    } catch (error) {
      throw new BrokerError('STORE_FAILED', `the saved state could not be written: ${(error as Error).message}`, {
        cause: error,
      });
    }
    at += written;
    left = withoutFirst(left, written);
  }
}

/** What is left of slices when their first `bytes` are done: a write may take less than it was given. */
function withoutFirst(slices: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let done = bytes;
  let index = 0;
  while (index < slices.length && done >= slices[index]!.length) done -= slices[index++]!.length;
  const left = slices.slice(index);
  return done === 0 ? left : [left[0]!.subarray(done), ...left.slice(1)];
}
