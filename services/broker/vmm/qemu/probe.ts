import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Accelerator } from '../../../../shared/vm/spec.ts';
import type { Host } from './host.ts';
import { probeExitStatus, probeImage } from './probe-image.ts';

/** What a probe runs and how long it may take; a whole run takes a tenth of a second where it works. */
export interface Probe {
  readonly image?: Buffer;
  readonly limitMs?: number;
}

/** The accelerators that run a guest on this host, best first. */
export async function findAccelerators(host: Host): Promise<Accelerator[]> {
  const writable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return writable && (await runsGuest(host, 'kvm')) ? ['kvm', 'tcg'] : ['tcg'];
}

/**
 * Whether a guest really runs under the accelerator: a device file may be there, and open, and its guest never get
 * anywhere. The guest has to reach long mode, take timer interrupts and say so with the one right exit status.
 */
export async function runsGuest(host: Host, accelerator: Accelerator, probe: Probe = {}): Promise<boolean> {
  const dir = await mkdtemp(join(host.runDir, '.probe-'));
  try {
    const imagePath = join(dir, 'firmware');
    await writeFile(imagePath, probe.image ?? probeImage(), { mode: 0o600 });
    return (await exitStatus(host, argumentsFor(accelerator, imagePath), probe.limitMs ?? 3_000)) === probeExitStatus;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const argumentsFor = (accelerator: Accelerator, imagePath: string): string[] => [
  ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-vga', 'none'],
  ...['-machine', 'pc,usb=off', '-accel', accelerator, '-m', 'size=16M', '-bios', imagePath],
  ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
  ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
];

/** How the process ended, or nothing where it had to be killed or did not start. */
function exitStatus(host: Host, args: readonly string[], limitMs: number): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const child = spawn(host.binary, args, { cwd: '/', stdio: 'ignore' });
  const cancelTimer = host.clock.after(limitMs, () => {
    child.kill('SIGKILL');
    child.unref();
    resolve(null);
  });
  child.once('error', () => resolve(null));
  child.once('exit', (code) => resolve(code));
  return promise.finally(cancelTimer);
}
