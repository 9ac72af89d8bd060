import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ImageName } from '../../../shared/ids.ts';
import { check } from '../../../shared/schema/schema.ts';
import { type VmSpec, vmSpec } from '../../../shared/vm/spec.ts';
import type { Guest } from '../guest/make-guest.ts';
import { contexts, type FleetLayout } from './layout.ts';

/** Where the guest is kept between runs, made once from Debian's packages. */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>>): string =>
  join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'carnet');

const disk = 'web.qcow2' as ImageName;
const kernel = 'vmlinuz';
const initrd = 'initrd.gz';

/**
 * Puts the guest's files into the pool with their labels; those that are there stay as they are. Answers with the VM's
 * spec, its disk, and how the labels are kept.
 */
export async function placeGuest(
  layout: FleetLayout,
  guest: Guest,
): Promise<{ spec: VmSpec; disk: ImageName; labelsBy: 'security.selinux' | 'file_contexts' }> {
  await place(layout, kernel, (path) => copyFileSync(guest.kernelPath, path));
  await place(layout, initrd, (path) => copyFileSync(guest.initrdPath, path));
  await place(layout, disk, (path) => guest.makeDisk(path));
  const labelled = [
    setLabel(join(layout.pool, disk), contexts.disk('c10,c20')),
    setLabel(join(layout.pool, kernel), contexts.kernel),
    setLabel(join(layout.pool, initrd), contexts.kernel),
  ].every(Boolean);
  const written = check(vmSpec, {
    name: 'web',
    uuid: '5f0c6c1e-3b1a-4d53-9a4e-0c8f6d1b7a20',
    description: 'a guest that counts',
    memoryMiB: 256,
    accelerator: 'tcg',
    commandLine: guest.commandLine,
    images: [
      { name: disk, role: 'disk', format: 'qcow2' },
      { name: kernel, role: 'kernel', format: 'raw', readonly: true },
      { name: initrd, role: 'initrd', format: 'raw', readonly: true },
    ],
  });
  if (!written.ok) throw new Error(`the demo's own VM has no sound spec: ${written.problems.join('; ')}`);
  return { spec: written.value, disk, labelsBy: labelled ? 'security.selinux' : 'file_contexts' };
}

/** Makes a file of the pool, whole or not at all, unless a guest has it already. */
async function place({ pool }: FleetLayout, name: string, make: (path: string) => unknown): Promise<void> {
  const path = join(pool, name);
  if (existsSync(path)) return;
  const draft = join(pool, `.${name}.new`);
  await make(draft);
  renameSync(draft, path);
}

/** Labels a file. False where its file system, or this user, cannot: then the fleet's file_contexts has a rule for it. */
const setLabel = (path: string, label: string): boolean =>
  spawnSync('chcon', ['--', label, path], { stdio: 'ignore' }).status === 0;
