import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type {
  Launch,
  OpenImages,
  Origin,
  TransferKey,
  VmEvent,
  VmProcess,
} from '../../services/broker/runtime/ports.ts';
import { createQemu, type QemuVmm } from '../../services/broker/vmm/qemu/qemu.ts';
import { counterLine } from '../../services/cli/guest/init.ts';
import { ensureGuest, type Guest } from '../../services/cli/guest/make-guest.ts';
import { type Label, label } from '../../shared/label/label.ts';
import { check } from '../../shared/schema/schema.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { type VmSpec, vmSpec } from '../../shared/vm/spec.ts';

/** The guest is made once, from Debian packages, and kept between runs of the tests. */
const cacheDir = join(tmpdir(), 'carnet-test-guest');

/** A pool with one disk, hosts that run QEMU on it, and an end for all of it. */
export interface Lab {
  readonly dir: string;
  /** A host of its own: run directory, logs, and no knowledge of the others. */
  host(name: string): Promise<QemuVmm>;
  /** Starts a QEMU on a host, its images opened and closed as a broker would; `files` says where some of them are. */
  launch(
    host: QemuVmm,
    origin?: Origin,
    fields?: SpecFields,
    files?: Readonly<Record<string, string>>,
  ): Promise<VmProcess>;
  end(): Promise<void>;
}
type SpecFields = Partial<Record<keyof VmSpec, unknown>>;

/** A VM without a kernel, for what needs no guest: its disk is 1 MiB of zeroes. */
export const bareSpec: SpecFields = { memoryMiB: 16, images: [{ name: 'bare.raw', role: 'disk', format: 'raw' }] };

/** The VM that runs the demo's Linux. */
const linuxSpec = (guest: Guest): SpecFields => ({
  memoryMiB: 192,
  commandLine: guest.commandLine,
  images: [
    { name: 'disk.qcow2', role: 'disk', format: 'qcow2' },
    { name: basename(guest.kernelPath), role: 'kernel', format: 'raw', readonly: true },
    { name: basename(guest.initrdPath), role: 'initrd', format: 'raw', readonly: true },
  ],
});

/** A spec with sensible fields; everything can be said otherwise. */
export const specOf = (fields: SpecFields = {}): VmSpec =>
  valid(vmSpec, {
    name: 'vm1',
    uuid: '7c4d54b0-5c4f-4a63-9c43-0d3f2c1f9a01',
    memoryMiB: 64,
    images: [{ name: 'disk.qcow2', role: 'disk', format: 'qcow2' }],
    ...fields,
  }) as VmSpec;

export const testLabel = valid(label, 'user_u:user_r:vm_user_t:s0') as Label;

/** A lab whose VMs run Linux, or nothing where `bare` is said. */
export async function openLab({ bare = false } = {}): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), 'carnet-lab-'));
  const guest = bare ? undefined : await ensureGuest(cacheDir);
  await guest?.makeDisk(join(dir, 'disk.qcow2'));
  writeFileSync(join(dir, 'bare.raw'), Buffer.alloc(1024 * 1024));
  const usual = guest === undefined ? bareSpec : linuxSpec(guest);
  const pathOf = (name: string): string =>
    [guest?.kernelPath, guest?.initrdPath].find((path) => path !== undefined && basename(path) === name) ??
    join(dir, name);
  const hosts: QemuVmm[] = [];
  const processes: VmProcess[] = [];
  return {
    dir,
    async host(name) {
      const host = await createQemu({
        runDir: join(dir, name, 'run'),
        logDir: join(dir, name, 'log'),
        clock: systemClock,
      });
      hosts.push(host);
      return host;
    },
    async launch(host, origin = { kind: 'boot' }, fields = {}, files = {}) {
      const spec = specOf({ ...usual, ...fields });
      const images = openImages(spec, (name) => files[name] ?? pathOf(name));
      try {
        const launch: Launch = { spec, accelerator: 'tcg', label: testLabel, images, origin };
        const process = await host.launch(launch);
        processes.push(process);
        return process;
      } finally {
        images.close();
      }
    },
    async end() {
      for (const process of processes) await process.quit();
      for (const host of hosts) host.release();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Opens the images of a spec as the pool does, without its checks. */
export function openImages(spec: VmSpec, pathOf: (name: string) => string): OpenImages {
  const images = spec.images.map((image) => ({
    spec: image,
    label: testLabel,
    sizeBytes: 0,
    pool: 'pool',
    fd: openSync(pathOf(image.name), image.readonly ? 'r' : 'r+'),
    readOnlyFd: openSync(pathOf(image.name), 'r'),
  }));
  return {
    images,
    close() {
      for (const { fd, readOnlyFd } of images) {
        closeSync(fd);
        closeSync(readOnlyFd);
      }
    },
  };
}

/** What the guest said last: its boot id and its count. */
export interface Said {
  readonly boot: string;
  readonly count: number;
}

/** Resolves with the first line on the console of `host` that says more than `after`; woken by the file's changes. */
export function hears(host: QemuVmm, after = 0, vm = specOf().name): Promise<Said> {
  const path = host.consolePath(vm);
  mkdirSync(dirname(path), { recursive: true });
  return new Promise((resolve) => {
    const look = (): void => {
      const said = lastSaid(path);
      if (said === undefined || said.count <= after) return;
      watcher.close();
      resolve(said);
    };
    const watcher = watch(dirname(path), look);
    look();
  });
}

/** The last line on the console of `host`, or nothing. */
export function lastSaid(path: string): Said | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, 'latin1').split('\n').slice(0, -1);
  for (const line of lines.reverse()) {
    const match = counterLine.exec(line);
    if (match) return { boot: match[1] ?? '', count: Number(match[2]) };
  }
  return undefined;
}

/** A host of the lab on which Linux runs, and what it said first. */
export async function runLinux(lab: Lab, name: string): Promise<{ host: QemuVmm; guest: VmProcess; said: Said }> {
  const host = await lab.host(name);
  const guest = await lab.launch(host);
  await guest.run();
  return { host, guest, said: await hears(host) };
}

/** The guest on `host` says something new, under the boot id it had. */
export async function saysMore(host: QemuVmm, { boot }: Said): Promise<void> {
  const next = await hears(host, lastSaid(host.consolePath(specOf().name))?.count);
  assert.equal(next.boot, boot);
}

/** A key for one transfer. */
export const newKey = (): TransferKey => ({ identity: 'op-1', key: randomBytes(32) });

/** Resolves with the first event from now on that fits. */
export function happens(process: VmProcess, fits: (event: VmEvent) => boolean): Promise<VmEvent> {
  return new Promise((resolve) => {
    const off = process.onEvent((event) => {
      if (!fits(event)) return;
      off();
      resolve(event);
    });
  });
}
export const migrationIs = (status: string) => (event: VmEvent) =>
  event.kind === 'migration' && event.status === status;

/** Every QEMU process that was started below a directory, found by its command line. */
export async function processesBelow(dir: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  return stdout.split('\n').filter((line) => line.includes('qemu-system') && line.includes(dir));
}

function valid<S extends Parameters<typeof check>[0]>(schema: S, value: unknown): unknown {
  const checked = check(schema, value);
  if (!checked.ok) throw new Error(checked.problems.join('; '));
  return checked.value;
}
