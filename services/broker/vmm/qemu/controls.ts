import { rm } from 'node:fs/promises';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { VmEvent } from '../../runtime/ports.ts';
import { isAlive, waitGone } from './ended.ts';
import type { QemuEvent } from './events.ts';
import type { Host, Place } from './host.ts';
import type { Link } from './link.ts';
import { logTail } from './log-tail.ts';
import type { LaunchRecord } from './record.ts';
import { type MigrationStatus, migrateReply, readReply } from './replies.ts';

/** One QEMU process as the parts of this adapter drive it. */
export interface Controls {
  readonly host: Host;
  readonly place: Place;
  readonly record: LaunchRecord;
  execute: Link['execute'];
  /** Events of QEMU and, once, `exited` when the process is gone. */
  onEvent(callback: (event: QemuEvent) => void): () => void;
  /** From now on the end of the process is no news. */
  expectEnd(): void;
  /** Lets go of the process, which goes on. */
  release(): void;
}

/** Controls over a process that is connected to. The end of the process is noticed by the end of its connection. */
export function controlsOf(
  host: Host,
  { place, record, link }: { place: Place; record: LaunchRecord; link: Link },
): Controls {
  const watchers = new Set<(event: QemuEvent) => void>();
  let exited: VmEvent | undefined;
  let quiet = false;

  const notice = async (): Promise<void> => {
    while (!quiet && exited === undefined) {
      const gone = await waitGone(host.clock, record, 500);
      if (quiet) return;
      if (gone) {
        // Before anybody hears of it, as the next QEMU of this VM gets the same folder.
        await rm(place.dir, { recursive: true, force: true });
        if (quiet) return;
        exited = { kind: 'exited', detail: logTail(place.logPath, record.logOffset) };
        for (const watcher of [...watchers]) watcher(exited);
      } else if (await link.connect().then(yes, no)) return;
    }
  };
  link.onLost(() => void notice());

  return {
    host,
    place,
    record,
    execute: link.execute,
    onEvent(callback) {
      const off = link.onEvent(callback);
      watchers.add(callback);
      return () => {
        off();
        watchers.delete(callback);
      };
    },
    expectEnd() {
      quiet = true;
    },
    release() {
      quiet = true;
      link.release();
    },
  };
}

const yes = () => true;
const no = () => false;

/** The status of the last migration, and QEMU's words where it failed. */
export async function migrationOf({ execute }: Controls): Promise<{ status: MigrationStatus; error?: string }> {
  const reply = readReply(migrateReply, await execute('query-migrate'), 'migration status');
  const error = reply['error-desc'];
  return { status: reply.status ?? 'none', ...(error === undefined ? {} : { error }) };
}

/**
 * Watches from now on for the first event for which `find` answers, so that it may be called before the order that
 * causes the event. `found` rejects with QEMU_FAILED when the process ends and QEMU_TIMEOUT after `limitMs`.
 */
export function watchFor<T>(
  controls: Controls,
  limitMs: number,
  what: string,
  find: (event: QemuEvent) => T | undefined,
): { readonly found: Promise<T>; stop(): void } {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  promise.catch(() => {});
  const stop = (): void => {
    off();
    cancelTimer();
  };
  const off = controls.onEvent((event) => {
    const value = find(event);
    if (value !== undefined) resolve(value);
    else if (event.kind === 'exited') reject(endedError(controls, what));
    else return;
    stop();
  });
  const cancelTimer = controls.host.clock.after(limitMs, () => {
    off();
    reject(new BrokerError('QEMU_TIMEOUT', `${what} did not happen within ${limitMs} ms`));
  });
  return { found: promise, stop };
}

/** QEMU ended by itself; with its last words. */
export function endedError({ place, record }: Controls, during: string): BrokerError {
  const words = logTail(place.logPath, record.logOffset) || 'it said nothing';
  return new BrokerError('QEMU_FAILED', `QEMU ended (${during}): ${words}`);
}

export const isGone = ({ record }: Controls): boolean => !isAlive(record);
