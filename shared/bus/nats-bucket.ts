import type { KV, NatsConnection } from 'nats';
import type { Bucket, BucketOptions } from './bus.ts';
import { busFault } from './nats-fault.ts';
import type { StatusHandlers } from './status.ts';
import { requireKey } from './subject.ts';

/** A JetStream key-value bucket. */
export async function openNatsBucket(
  connection: NatsConnection,
  status: StatusHandlers,
  name: string,
  options: BucketOptions,
): Promise<Bucket> {
  const guarded = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      throw busFault(error, `bucket ${name}, ${what}`);
    }
  };
  const kv: KV = await guarded('opening it', () =>
    connection.jetstream().views.kv(name, {
      history: options.history ?? 1,
      replicas: options.replicas ?? 1,
      // Direct reads may be answered by a replica that lags behind; a record that says who may run a VM must not be old.
      allow_direct: false,
    }),
  );
  const keyed = <T>(key: string, act: () => Promise<T>): Promise<T> =>
    guarded(key, async () => {
      requireKey(key);
      return act();
    });
  const { replicas } = await guarded('asking for its status', () => kv.status());
  return {
    replicas,
    get: (key) =>
      keyed(key, async () => {
        const entry = await kv.get(key);
        if (entry === null || entry.operation !== 'PUT') return undefined;
        return { value: entry.value, revision: entry.revision };
      }),
    create: (key, value) => keyed(key, () => kv.create(key, value)),
    update: (key, value, revision) => keyed(key, () => kv.put(key, value, { previousSeq: revision })),
    delete: (key, revision) =>
      keyed(key, () => kv.delete(key, revision === undefined ? {} : { previousSeq: revision })),
    keys: () =>
      guarded('listing its keys', async () => {
        // Asked of the stream itself: the client's own `keys` reads through a consumer, which misses keys and may never
        // end when one is written meanwhile.
        const prefix = `$KV.${name}.`;
        const manager = await connection.jetstreamManager();
        const { state } = await manager.streams.info(`KV_${name}`, { subjects_filter: `${prefix}>` });
        const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
        const entries = await Promise.all(keys.map((key) => kv.get(key)));
        return keys.filter((_, at) => entries[at]?.operation === 'PUT');
      }),
    watch: (handler) =>
      guarded('watching it', async () => {
        const changes = await kv.watch();
        void (async () => {
          for await (const entry of changes) {
            handler({
              key: entry.key,
              value: entry.operation === 'PUT' ? entry.value : undefined,
              revision: entry.revision,
            });
          }
        })().catch((error: unknown) => {
          status.tell({ is: 'error', detail: busFault(error, `bucket ${name}, the watch ended`).message });
        });
        return () => changes.stop();
      }),
  };
}
