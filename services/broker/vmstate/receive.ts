import { Worker } from 'node:worker_threads';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { Order, Received, ReceiveJob, Report } from './receive-messages.ts';

/** A socket that waits for one stream. */
export interface Receiving {
  /**
   * Resolves when the stream was read, checked, written and synced. Fails with STREAM_INVALID, STORE_FAILED,
   * TRANSFER_FAILED where the connection broke, or OPERATION_CANCELLED.
   */
  readonly received: Promise<Received>;
  /**
   * Tells a sender that waits for it whether its state was kept; where it was not, the guest goes on there. Closes the
   * connection. Idempotent, and nothing where no sender waits.
   */
  acknowledge(kept: boolean): Promise<void>;
  /** Stops at once. Idempotent. */
  cancel(): Promise<void>;
}

/**
 * Listens on a unix socket (mode 0600; its directory has to be private) for exactly one migration stream. Guest memory
 * is written into `memoryFd` at its own offsets, the rest as a loadable stream into `devicesFd`. Resolves when it listens.
 *
 * It runs in a thread of its own, so that neither reading nor a slow disk holds the broker up: writes are plain synchronous
 * ones there, which is what bounds the memory in use and slows the sender down to what the disk takes.
 */
export async function receive(job: ReceiveJob): Promise<Receiving> {
  const worker = new Worker(new URL('./receive-worker.ts', import.meta.url), { workerData: job });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const listening = Promise.withResolvers<void>();
  const received = Promise.withResolvers<Received>();
  received.promise.catch(() => {});
  const fail = (error: unknown) => {
    listening.reject(error);
    received.reject(error);
  };
  worker.on('message', (report: Report) => {
    if (report.is === 'listening') listening.resolve();
    else if (report.is === 'received') received.resolve(report.received);
    else fail(new BrokerError(report.fault.code, report.fault.message));
  });
  worker.on('error', (error) => fail(new BrokerError('INTERNAL', error.message, { cause: error })));
  worker.on('exit', () => fail(new BrokerError('OPERATION_CANCELLED', 'receiving the stream was cancelled')));
  await listening.promise;

  return {
    received: received.promise,
    async acknowledge(kept) {
      worker.postMessage({ kept } satisfies Order);
      await exited;
    },
    async cancel() {
      await worker.terminate();
    },
  };
}
