import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetLayout } from '../../../services/cli/fleet/layout.ts';
import { hosts } from './hosts.ts';

/*
 * Folders with a file system of their own that can be filled. The mounts are in the namespace that `npm run faults -- --full`
 * makes, and go with it.
 */

const storeBytes = 600 * 1024 * 1024;
const stateBytes = 24 * 1024 * 1024;

const limited = (layout: FleetLayout) => [layout.checkpoints, ...hosts.map((host) => layout.host(host).state)];

/** Gives the checkpoint store and the journals of the hosts little room. Nobody may have anything in them open. */
export function limitSpace(layout: FleetLayout): void {
  for (const folder of limited(layout)) limit(folder, folder === layout.checkpoints ? storeBytes : stateBytes);
}

/** Takes the file systems away again, with what is in them. */
export function removeLimits(layout: FleetLayout): void {
  for (const folder of limited(layout)) execFileSync('umount', ['--lazy', folder]);
}

function limit(folder: string, bytes: number): void {
  const kept = mkdtempSync(join(tmpdir(), 'carnet-kept-'));
  cpSync(folder, join(kept, 'files'), { recursive: true });
  // Not a tmpfs: that allocates what is merely read, and a restored guest that reads its memory would end with it.
  const disk = join(kept, 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, bytes);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', disk]);
  execFileSync('mount', ['-o', 'loop', disk, folder]);
  rmSync(join(folder, 'lost+found'), { recursive: true });
  cpSync(join(kept, 'files'), folder, { recursive: true });
  chmodSync(folder, 0o700);
  rmSync(kept, { recursive: true });
}

const fillerOf = (folder: string) => join(folder, '.filler');

/** Leaves no byte free. */
export function fill(folder: string): void {
  const fd = openSync(fillerOf(folder), 'w', 0o600);
  try {
    for (const bytes of [1024 * 1024, 4096]) while (wrote(fd, Buffer.alloc(bytes)));
  } finally {
    closeSync(fd);
  }
}

export const makeRoom = (folder: string): void => rmSync(fillerOf(folder), { force: true });

function wrote(fd: number, block: Buffer): boolean {
  try {
    return writeSync(fd, block) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
