import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Clock } from '../../../../shared/time/clock.ts';
import { delay } from './ended.ts';
import type { QemuEvent } from './events.ts';
import { connectQmp, type Qmp } from './qmp.ts';

const startMsMax = 20_000;

/** The monitor of one QEMU, for as long as the process lives: a connection that was lost is made again when needed. */
export interface Link {
  execute: Qmp['execute'];
  onEvent(callback: (event: QemuEvent) => void): () => void;
  /** Calls back whenever a connection was lost and `release` was not called. */
  onLost(callback: () => void): void;
  /** Connects where there is no connection. */
  connect(): Promise<void>;
  /** Lets go for good; QEMU goes on. */
  release(): void;
}

/** A link to the socket at `path`, not connected yet. */
export function createLink(path: string, clock: Clock): Link {
  const callbacks = new Set<(event: QemuEvent) => void>();
  const lostCallbacks = new Set<() => void>();
  let current: Promise<Qmp> | undefined;
  let released = false;

  const connected = (): Promise<Qmp> => {
    if (released) return Promise.reject(new BrokerError('QEMU_FAILED', 'the broker let go of this QEMU'));
    if (current === undefined) {
      const attempt = connectQmp(path, {
        clock,
        onEvent: (event) => {
          for (const callback of [...callbacks]) callback(event);
        },
        onLost: () => {
          if (current === attempt) current = undefined;
          if (!released) for (const callback of lostCallbacks) callback();
        },
      });
      current = attempt;
      attempt.catch(() => {
        if (current === attempt) current = undefined;
      });
    }
    return current;
  };

  return {
    async execute(command, args, timeoutMs) {
      return (await connected().catch(asFault)).execute(command, args, timeoutMs);
    },
    onEvent(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    onLost: (callback) => lostCallbacks.add(callback),
    async connect() {
      await connected();
    },
    release() {
      released = true;
      current?.then(
        (qmp) => qmp.close(),
        () => {},
      );
    },
  };
}

/**
 * Connects to a QEMU that is just starting, whose socket may not be there yet, or already gone again while its process
 * is on its way out. Rejects with what `ended` says once the process is gone, QEMU_TIMEOUT when neither comes in time.
 */
export async function connectPatiently(link: Link, clock: Clock, ended: () => BrokerError | undefined): Promise<void> {
  const untilMs = clock.nowMs() + startMsMax;
  for (let delayMs = 2; ; delayMs = Math.min(delayMs * 2, 50)) {
    try {
      return await link.connect();
    } catch (error) {
      const why = ended();
      if (why !== undefined) throw why;
      if (error instanceof BrokerError && error.code !== 'QEMU_FAILED') throw error;
      if (clock.nowMs() > untilMs) throw new BrokerError('QEMU_TIMEOUT', `QEMU did not start in ${startMsMax} ms`);
      await delay(clock, delayMs);
    }
  }
}

/** An error of the socket, as a fault. */
function asFault(error: unknown): never {
  if (error instanceof BrokerError) throw error;
  throw new BrokerError('QEMU_FAILED', "QEMU's monitor cannot be reached", { cause: error });
}
