import type { Bucket, Bus } from '../../../../shared/bus/bus.ts';

/** A member's connection whose process can die: from then on nothing it began goes on, and nothing more reaches the bus. */
export function createMortalBus(bus: Bus): { readonly bus: Bus; die(): Promise<void> } {
  let dead = false;
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
    update: mortal(bucket.update),
    delete: mortal(bucket.delete),
    keys: mortal(bucket.keys),
  });
  return {
    bus: {
      ...bus,
      request: mortal(bus.request),
      bucket: mortal(async (name, options) => bucketOf(await bus.bucket(name, options))),
    },
    async die() {
      dead = true;
      await bus.close();
    },
  };
}
