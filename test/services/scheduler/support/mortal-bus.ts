import type { Bucket, Bus } from '../../../../shared/bus/bus.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';

/** A connection that can fail in the ways a real one does. */
export interface MortalBus {
  readonly bus: Bus;
  die(): Promise<void>;
  /** The next records are written, and then the answer is lost. */
  loseAnswers(count: number): void;
}

/** A member's connection whose process can die: from then on nothing it began goes on, and nothing more reaches the bus. */
export function createMortalBus(bus: Bus): MortalBus {
  let dead = false;
  let lostUpdates = 0;
  const mortal =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const never = () => new Promise<R>(() => undefined);
      if (dead) return never();
      const result = await act(...args);
      return dead ? never() : result;
    };
  const bucketOf = (bucket: Bucket): Bucket => ({
    ...bucket,
    get: mortal(bucket.get),
    create: mortal(bucket.create),
    update: mortal(async (key, value, revision) => {
      const written = await bucket.update(key, value, revision);
      if (lostUpdates-- > 0) throw new BrokerError('BUS_TIMEOUT');
      return written;
    }),
    delete: mortal(bucket.delete),
    keys: mortal(bucket.keys),
  });
  return {
    bus: {
      ...bus,
      request: mortal(bus.request),
      bucket: mortal(async (name, options) => bucketOf(await bus.bucket(name, options))),
    },
    loseAnswers(count) {
      lostUpdates = count;
    },
    async die() {
      dead = true;
      await bus.close();
    },
  };
}
