import { BrokerError } from '../../shared/errors/broker-error.ts';
import type { EntryRange, Store, StoreKey, Table } from '../../shared/store/store.ts';
import type { Chances } from './chances.ts';

type Values = Map<StoreKey, unknown>;
type Write = { readonly table: string; readonly key: StoreKey; readonly value: unknown };

/** A host's disk: what was flushed outlasts a crash, and of what was not, some of it may. */
export interface Disk {
  /** Opens the database for one broker. Its promises never settle once that broker is gone. */
  open(chances: Chances): Store;
  /** The machine or the process stops: of the writes that were not flushed the first few remain. */
  crash(keep: (unflushed: number) => number): void;
  /** A full disk takes nothing. */
  full: boolean;
  /** How many entries a table has, as the broker sees it. */
  count(table: string): number;
  values(table: string): IterableIterator<unknown>;
  /** Puts something there before anything begins. */
  seed(table: string, key: string, value: unknown): void;
}

export function createDisk(options: { readonly flushIsAwaited: boolean }): Disk {
  const durable = new Map<string, Values>();
  let visible = new Map<string, Values>();
  /** Each entry is one transaction. */
  let unflushed: Write[][] = [];
  let transaction: Write[] | undefined;

  const tableIn = (all: Map<string, Values>, name: string): Values => {
    let found = all.get(name);
    if (found === undefined) {
      found = new Map();
      all.set(name, found);
    }
    return found;
  };
  const apply = (all: Map<string, Values>, { table, key, value }: Write) => {
    if (value === undefined) tableIn(all, table).delete(key);
    else tableIn(all, table).set(key, value);
  };
  const write = ({ life }: Chances, one: Write) => {
    if (!life.up) return;
    if (disk.full) throw new BrokerError('STORE_FAILED', 'no space left on the disk');
    apply(visible, one);
    if (transaction === undefined) unflushed.push([one]);
    else transaction.push(one);
  };
  const flush = () => {
    for (const writes of unflushed) for (const one of writes) apply(durable, one);
    unflushed = [];
  };

  function tableOver<V, K extends StoreKey>(name: string, by: Chances): Table<V, K> {
    return {
      get: (key) => visible.get(name)?.get(key) as V | undefined,
      put: (key, value) => write(by, { table: name, key, value }),
      remove(key) {
        const had = visible.get(name)?.has(key) === true;
        if (had) write(by, { table: name, key, value: undefined });
        return had;
      },
      entries({ reverse = false, limit }: EntryRange<K> = {}) {
        const all = Array.from(visible.get(name) ?? [], ([key, value]) => ({ key: key as K, value: value as V }));
        if (all.length > 1) all.sort((a, b) => (a.key < b.key ? -1 : 1));
        if (reverse) all.reverse();
        return limit === undefined ? all : all.slice(0, limit);
      },
      count: () => visible.get(name)?.size ?? 0,
    };
  }

  const disk: Disk = {
    full: false,
    open: (chances) => ({
      table: (name) => tableOver(name, chances),
      transaction(act) {
        transaction = [];
        try {
          return act();
        } finally {
          if (transaction.length > 0) unflushed.push(transaction);
          transaction = undefined;
        }
      },
      flushed() {
        if (unflushed.length === 0 || !options.flushIsAwaited) {
          // Broken on purpose: what was not waited for may take its time.
          if (unflushed.length > 8) flush();
          return Promise.resolve();
        }
        return chances.later(flush);
      },
      close: () => Promise.resolve(),
    }),
    crash(keep) {
      const kept = keep(unflushed.length);
      for (const writes of unflushed.slice(0, kept)) for (const one of writes) apply(durable, one);
      unflushed = [];
      visible = new Map();
      for (const [name, values] of durable) visible.set(name, new Map(values));
    },
    count: (name) => visible.get(name)?.size ?? 0,
    values: (name) => tableIn(visible, name).values(),
    seed(table, key, value) {
      const one = { table, key, value };
      apply(visible, one);
      apply(durable, one);
    },
  };
  return disk;
}
