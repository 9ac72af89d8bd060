import { BrokerError } from '../../../shared/errors/broker-error.ts';

/** Writes texts in the order they were added, and all that wait at once. */
export interface GroupCommit {
  /** Resolves when the text was written for good; rejects with STORE_FAILED, and so does every later one. */
  add(text: string): Promise<void>;
  /** Resolves when nothing waits, whatever came of it. */
  settled(): Promise<void>;
}

/** `flush` writes bytes so that they survive a power cut. It is never called twice at the same time. */
export function createGroupCommit(flush: (bytes: string) => Promise<void>): GroupCommit {
  type Waiting = { text: string; resolve: () => void; reject: (error: BrokerError) => void };
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | undefined;
  let broken: BrokerError | undefined;

  async function flushAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        if (broken !== undefined) throw broken;
        await flush(batch.map(({ text }) => text).join(''));
        for (const { resolve } of batch) resolve();
      } catch (cause) {
        broken ??= new BrokerError('STORE_FAILED', 'the audit log could not be written', { cause });
        for (const { reject } of batch) reject(broken);
      }
    }
    flushing = undefined;
  }

  return {
    add(text) {
      if (broken !== undefined) return Promise.reject(broken);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ text, resolve, reject });
      flushing ??= flushAll();
      return promise;
    },
    settled: () => flushing ?? Promise.resolve(),
  };
}
