import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { initScript, powerScript } from './init.ts';
import { loadOrder } from './modules.ts';
import { kernelPackage, unpackPackages } from './packages.ts';

/** The demo's guest: a Debian kernel, an initramfs of busybox, and disks on demand. */
export interface Guest {
  readonly kernelPath: string;
  readonly initrdPath: string;
  /** The kernel's command line. `carnet.dirty=N` may be added, to keep N MiB of memory changing. */
  readonly commandLine: string;
  /** Creates an empty qcow2 of 64 MiB. Its label is the caller's affair. */
  makeDisk(path: string): Promise<void>;
}

/** virtio for the disk; button and evdev so that the guest hears when it is asked to power down. */
const wantedModules = ['virtio_pci', 'virtio_blk', 'button', 'evdev'];
const applets = ['sh', 'mount', 'insmod', 'cat', 'dd', 'sleep', 'acpid', 'poweroff'];
const diskSize = '64M';
const commandLine = [
  'console=ttyS0',
  'quiet',
  'panic=-1',
  'no_timer_check',
  'mitigations=off',
  'nokaslr',
  'cryptomgr.notests',
  'random.trust_cpu=on',
  'rcupdate.rcu_expedited=1',
].join(' ');

/** Everything the initramfs is made of besides the packages: where it changes, the guest is made anew. */
const recipe = createHash('sha256')
  .update(JSON.stringify([1, initScript, powerScript, wantedModules, applets]))
  .digest('hex');

/**
 * The guest in `cacheDir`, made when it is not there yet: packages are downloaded with apt-get and unpacked with
 * dpkg-deb, nothing is installed. A second call finds the stamp and does nothing. Rejects with HOST_INCOMPATIBLE where
 * the packages cannot be had.
 */
export async function ensureGuest(cacheDir: string): Promise<Guest> {
  const folder = join(cacheDir, 'guest');
  const guest: Guest = {
    kernelPath: join(folder, 'vmlinuz'),
    initrdPath: join(folder, 'initrd.gz'),
    commandLine,
    makeDisk,
  };
  if (!(await isMade(folder, guest))) await make(folder, guest);
  return guest;
}

async function isMade(folder: string, guest: Guest): Promise<boolean> {
  const stamp = await readFile(join(folder, 'stamp'), 'utf8').catch(() => '');
  const present = await Promise.all(
    [guest.kernelPath, guest.initrdPath].map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return stamp.split('\n')[0] === recipe && present.every(Boolean);
}

/** Two that make it at once do not meet: each has a folder of its own, and what they put in place is the same. */
async function make(folder: string, guest: Guest): Promise<void> {
  await mkdir(folder, { recursive: true });
  const kernel = await kernelPackage();
  const work = await mkdtemp(join(folder, 'work-'));
  try {
    const root = await unpackPackages(work, [kernel, 'busybox-static']);
    const version = kernel.replace(/^linux-image-/, '');
    await rename(join(root, 'boot', `vmlinuz-${version}`), guest.kernelPath);
    const initrd = gzipSync(cpioArchive(await entriesOf(root, version)), { level: 1 });
    await writeFile(join(work, 'initrd.gz'), initrd);
    await rename(join(work, 'initrd.gz'), guest.initrdPath);
    await writeFile(join(work, 'stamp'), `${recipe}\n${kernel}\n`);
    await rename(join(work, 'stamp'), join(folder, 'stamp'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function entriesOf(root: string, version: string): Promise<CpioEntry[]> {
  const busybox = await readFile(join(root, 'bin', 'busybox'));
  const modulesDir = join(root, 'lib', 'modules', version, 'kernel');
  const available = (await readdir(modulesDir, { recursive: true })).filter((path) => path.endsWith('.ko'));
  const modules = await loadOrder(modulesDir, available, wantedModules);
  const directories = ['bin', 'dev', 'proc', 'sys', 'modules', 'etc', 'etc/acpi', 'etc/acpi/PWRF'];
  return [
    ...directories.map((path) => ({ path, mode: 0o755, directory: true as const })),
    { path: 'dev/console', mode: 0o600, device: { major: 5, minor: 1 } },
    { path: 'bin/busybox', mode: 0o755, data: busybox },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: 0o777, link: 'busybox' })),
    ...(await Promise.all(
      modules.map(async (path, index) => ({
        path: `modules/${String(index).padStart(2, '0')}.ko`,
        mode: 0o644,
        data: await readFile(join(modulesDir, path)),
      })),
    )),
    { path: 'etc/acpi/PWRF/00000080', mode: 0o755, data: Buffer.from(powerScript) },
    { path: 'init', mode: 0o755, data: Buffer.from(initScript) },
  ];
}

async function makeDisk(path: string): Promise<void> {
  await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', path, diskSize]);
}
