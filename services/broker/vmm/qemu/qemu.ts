import { execFile } from 'node:child_process';
import { access, chmod, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Clock } from '../../../../shared/time/clock.ts';
import type { Vmm } from '../../runtime/ports.ts';
import { adoptQemu } from './adopt.ts';
import { type Controls, controlsOf } from './controls.ts';
import { type Host, placeOf } from './host.ts';
import { type Launched, launchQemu } from './launch.ts';
import { findAccelerators } from './probe.ts';
import { processOf } from './process.ts';
import { adoptKey } from './transfer.ts';

export interface QemuOptions {
  /** For sockets, launch records and keys. Short: a socket path with the VM's name has to fit in 107 bytes. */
  readonly runDir: string;
  /** For consoles and QEMU's own words. */
  readonly logDir: string;
  readonly clock: Clock;
  readonly binary?: string;
}

/** QEMU on this host, and a way to let go of every process without ending it. */
export type QemuVmm = Vmm & { release(): void };

/**
 * Finds out what QEMU can do here: its version, the accelerators that run a guest, and whether processes can be
 * confined. Rejects with QEMU_FAILED where there is no QEMU.
 */
export async function createQemu(options: QemuOptions): Promise<QemuVmm> {
  const { clock, binary = 'qemu-system-x86_64' } = options;
  const [runDir, logDir] = [resolve(options.runDir), resolve(options.logDir)];
  for (const dir of [runDir, logDir]) {
    await mkdir(dir, { recursive: true });
    await chmod(dir, 0o700);
  }
  const qemuVersion = await versionOf(binary);
  const host: Host = { binary, qemuVersion, runDir, logDir, clock, confined: await hasSelinux() };
  const accelerators = await findAccelerators(host);
  const held = new Set<Controls>();
  const hold = (launched: Launched) => {
    const controls = controlsOf(host, launched);
    held.add(controls);
    controls.onEvent((event) => {
      if (event.kind === 'exited') held.delete(controls);
    });
    return controls;
  };
  return {
    qemuVersion,
    accelerators,
    confined: host.confined,
    launch: async (launch) => processOf(hold(await launchQemu(host, launch))),
    async adopt(vm) {
      const launched = await adoptQemu(host, vm);
      if (launched === undefined) return undefined;
      const controls = hold(launched);
      await adoptKey(controls);
      return processOf(controls);
    },
    consolePath: (vm) => placeOf(host, vm).consolePath,
    release() {
      for (const controls of held) controls.release();
      held.clear();
    },
  };
}

/** Where selinuxfs is mounted a kernel enforces or records labels, and `runcon` starts a process in one. */
const hasSelinux = (): Promise<boolean> =>
  access('/sys/fs/selinux/enforce').then(
    () => true,
    () => false,
  );

async function versionOf(binary: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 10_000 });
    const version = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (version !== undefined) return version;
  } catch (error) {
    throw new BrokerError('QEMU_FAILED', `${binary} cannot be run`, {
      hint: 'install the Debian package qemu-system-x86',
      cause: error,
    });
  }
  throw new BrokerError('QEMU_FAILED', `${binary} does not say its version`);
}
