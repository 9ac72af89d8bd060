import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';

/** What stands between QEMU and the receiver of a live checkpoint. */
export interface Relay {
  /** The socket QEMU connects to. */
  readonly path: string;
  /** Once QEMU has ended its stream: whether the receiver was given all of it. */
  readonly delivered: Promise<boolean>;
  /** Nobody wants the stream any more: what is still to come of it is read and dropped. Idempotent. */
  drop(): void;
  /** Ends the relay, when QEMU writes to it no more. Idempotent. */
  end(): void;
}

/**
 * Opens a relay to the receiver that listens on `receiverPath`; its own socket is `path`. Until QEMU 8.1 a background
 * snapshot that fails never takes the write protection off the guest's memory: the guest hangs for good, and QEMU says that
 * it runs (mended there by "migration: stop tracking ram writes when cancelling background migration"). So QEMU must be
 * able to write its stream to the end whatever becomes of the receiver and of the broker, and a process of its own sees
 * to that. Rejects with TRANSFER_FAILED where nobody listens.
 */
export async function openRelay(path: string, receiverPath: string): Promise<Relay> {
  await rm(path, { force: true });
  const script = fileURLToPath(new URL('./relay-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, path, receiverPath], {
    cwd: '/',
    detached: true,
    env: {},
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const delivered = new Promise<boolean>((resolve) => {
    child.once('exit', (code) => resolve(code === 0));
    child.once('error', () => resolve(false));
  });
  child.stdin.on('error', () => {});
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), delivered]);
  if (!ready) throw new BrokerError('TRANSFER_FAILED', 'nobody takes in the memory');
  child.unref();
  return { path, delivered, drop: () => void child.stdin.destroy(), end: () => void child.kill('SIGKILL') };
}
