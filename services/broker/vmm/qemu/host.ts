import { join } from 'node:path';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { VmName } from '../../../../shared/ids.ts';
import type { Clock } from '../../../../shared/time/clock.ts';

/** What every part of this adapter knows of the host. */
export interface Host {
  /** The QEMU binary, as found on the PATH or by its full path. */
  readonly binary: string;
  /** As QEMU says it, like `7.2.22`. */
  readonly qemuVersion: string;
  /** Sockets, launch records and keys; private to the broker and QEMU. */
  readonly runDir: string;
  /** Consoles and QEMU's own words. */
  readonly logDir: string;
  /** True where a process is started in its label's domain. */
  readonly confined: boolean;
  readonly clock: Clock;
}

/** Where the files of one VM are. */
export interface Place {
  readonly vm: VmName;
  /** Holds everything below but the logs; removed with the process. */
  readonly dir: string;
  readonly qmpPath: string;
  /** Where QEMU writes the memory of a live checkpoint. */
  readonly memoryPath: string;
  readonly recordPath: string;
  readonly logPath: string;
  readonly consolePath: string;
}

/** What fits in a `sockaddr_un` with its closing NUL. */
const socketPathBytesMax = 107;

export function placeOf(host: Pick<Host, 'runDir' | 'logDir'>, vm: VmName): Place {
  const dir = join(host.runDir, vm);
  return {
    vm,
    dir,
    qmpPath: join(dir, 'qmp.sock'),
    memoryPath: join(dir, 'mem.sock'),
    recordPath: join(dir, 'qemu.json'),
    logPath: join(host.logDir, `${vm}.qemu.log`),
    consolePath: join(host.logDir, `${vm}.console.log`),
  };
}

/** Throws CONFIG_INVALID for a path the kernel would not take as a unix socket's. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= socketPathBytesMax && !path.includes('\0')) return;
  throw new BrokerError(
    'CONFIG_INVALID',
    `the socket path has ${bytes} bytes, a unix socket takes ${socketPathBytesMax}: ${path}`,
    {
      hint: 'use a shorter run directory or a shorter VM name',
    },
  );
}
