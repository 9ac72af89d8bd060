import { BrokerError } from '../errors/broker-error.ts';
import type { Bucket, BucketChange } from './bus.ts';
import { requireKey } from './subject.ts';

/** A bucket in memory. Every operation takes effect before its promise is answered, one after the other. */
export function createMemoryBucket(replicas = 1): Bucket {
  const latest = new Map<string, BucketChange>();
  const watchers = new Set<(change: BucketChange) => void>();
  let written = 0;

  function write(key: string, value: Uint8Array | undefined): number {
    const change = { key, value: value === undefined ? undefined : Uint8Array.from(value), revision: ++written };
    latest.set(key, change);
    for (const watcher of watchers) tell(watcher, change);
    return change.revision;
  }
  const tell = (watcher: (change: BucketChange) => void, change: BucketChange) =>
    queueMicrotask(() => {
      if (watchers.has(watcher)) watcher(change);
    });
  function requireRevision(key: string, revision: number): void {
    const current = latest.get(key)?.revision ?? 0;
    if (current !== revision)
      throw new BrokerError('BUS_CONFLICT', `${key} is at revision ${current}, not ${revision}`);
  }

  return {
    replicas,
    async get(key) {
      requireKey(key);
      const entry = latest.get(key);
      return entry?.value === undefined ? undefined : { value: Uint8Array.from(entry.value), revision: entry.revision };
    },
    async create(key, value) {
      requireKey(key);
      if (latest.get(key)?.value !== undefined) throw new BrokerError('BUS_CONFLICT', `${key} exists already`);
      return write(key, value);
    },
    async update(key, value, revision) {
      requireKey(key);
      requireRevision(key, revision);
      return write(key, value);
    },
    async delete(key, revision) {
      requireKey(key);
      if (revision !== undefined) requireRevision(key, revision);
      if (latest.get(key)?.value !== undefined) write(key, undefined);
    },
    keys: async () => [...latest.values()].filter(({ value }) => value !== undefined).map(({ key }) => key),
    async watch(handler) {
      const watcher = (change: BucketChange) => handler(change);
      watchers.add(watcher);
      for (const change of latest.values()) tell(watcher, change);
      return () => void watchers.delete(watcher);
    },
  };
}
