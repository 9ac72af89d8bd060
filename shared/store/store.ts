import { mkdirSync } from 'node:fs';
import { ABORT, type Database, type Key, open, type RangeOptions, type RootDatabase } from 'lmdb';
import { decode, encode } from '../codec/codec.ts';
import { BrokerError } from '../errors/broker-error.ts';
import { check, type Schema } from '../schema/schema.ts';

/** Keys order as lmdb orders them: numbers, then text, arrays element by element. At most 1,900 bytes. */
export type StoreKey = string | number | (string | number)[];

/** One named table of a store. Everything read was checked against the table's schema. */
export interface Table<V, K extends StoreKey = string> {
  get(key: K): V | undefined;
  /** Within a transaction it is part of it, otherwise it is one of its own. */
  put(key: K, value: V): void;
  /** Answers whether there was something to remove. */
  remove(key: K): boolean;
  /** In the order of keys, `from` included, `to` not. Reads one state of the table, whatever is written meanwhile. */
  entries(range?: EntryRange<K>): readonly { readonly key: K; readonly value: V }[];
  count(): number;
}

export interface EntryRange<K extends StoreKey> {
  readonly from?: K;
  readonly to?: K;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** The database of one process, in one directory. Faults are STORE_FAILED. */
export interface Store {
  table<V, K extends StoreKey = string>(name: string, schema: Schema<V>): Table<V, K>;
  /** Runs `act` with all its writes, or, where it throws, with none. It must not wait for anything. */
  transaction<T>(act: () => T): T;
  /** Resolves when everything written so far is on the disk, and not only visible. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

const tablesMax = 32;
/** The largest value a table takes: a journalled operation with its decisions is far below. */
const valueBytesMax = 16 * 1024 * 1024;

/** Opens the store in a directory, which is made where it does not exist. One process at a time. */
export function openStore(path: string): Store {
  const root = guarded(`opening ${path}`, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return open({ path, noSubdir: false, maxDbs: tablesMax, encoding: 'binary' });
  });
  return {
    table: (name, schema) => {
      const database = guarded(name, () => root.openDB({ name, encoding: 'binary' })) as Database<Buffer, Key>;
      return tableOver(root, database, name, schema as Schema<never>);
    },
    transaction: (act) => inTransaction(root, act),
    async flushed() {
      try {
        await root.flushed;
      } catch (cause) {
        throw failed('flushing', cause);
      }
    },
    close: () => root.close(),
  };
}

function tableOver<V, K extends StoreKey>(
  root: RootDatabase,
  database: Database<Buffer, Key>,
  name: string,
  schema: Schema<V>,
): Table<V, K> {
  const read = (key: Key, bytes: Uint8Array): V => {
    const checked = check(schema, decode(bytes, valueBytesMax));
    if (!checked.ok) throw failed(`${name}, which holds at ${String(key)} what it should not`, checked.problems[0]);
    return checked.value;
  };
  return {
    get: (key) =>
      guarded(name, () => {
        const bytes = database.getBinary(key);
        return bytes === undefined ? undefined : read(key, bytes);
      }),
    put(key, value) {
      const checked = check(schema, value);
      if (!checked.ok) throw failed(`${name}, which takes no such value`, checked.problems[0]);
      const bytes = encode(value);
      if (bytes.length > valueBytesMax) throw failed(`${name}, which takes no value of`, `${bytes.length} bytes`);
      inTransaction(root, () => guarded(name, () => database.putSync(key, bytes)));
    },
    remove: (key) => inTransaction(root, () => guarded(name, () => database.removeSync(key))),
    entries: (range = {}) => guarded(name, () => rangeOf<V, K>(database, range, read)),
    count: () => guarded(name, () => database.getKeysCount()),
  };
}

function rangeOf<V, K extends StoreKey>(
  database: Database<Buffer, Key>,
  { from, to, reverse = false, limit }: EntryRange<K>,
  read: (key: Key, bytes: Uint8Array) => V,
) {
  // lmdb walks backwards from an included start; a range that is cut at either end is read forwards and turned round.
  const whole = from === undefined && to === undefined;
  const bounds: RangeOptions = whole ? { reverse } : {};
  if (from !== undefined) bounds.start = from;
  if (to !== undefined) bounds.end = to;
  if (limit !== undefined && (whole || !reverse)) bounds.limit = limit;
  const all = Array.from(database.getRange(bounds), ({ key, value }) => ({ key: key as K, value: read(key, value) }));
  if (reverse && !whole) all.reverse();
  return limit === undefined ? all : all.slice(0, limit);
}

/**
 * lmdb's asynchronous transactions keep what a failed callback wrote; only the synchronous one rolls back. A callback that
 * answers with a promise would go on after the commit, so it is rolled back and refused.
 */
function inTransaction<T>(root: RootDatabase, act: () => T): T {
  let thrown: { error: unknown } | undefined;
  const result = guarded('writing', () =>
    root.transactionSync(() => {
      try {
        const answer = act();
        if (answer instanceof Promise) throw new TypeError('a transaction must not wait');
        return answer;
      } catch (error) {
        thrown = { error };
        return ABORT as T;
      }
    }),
  );
  if (thrown !== undefined) throw thrown.error;
  return result;
}

function guarded<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof BrokerError && error.code === 'STORE_FAILED' ? error : failed(what, error);
  }
}

const failed = (what: string, cause: unknown) =>
  new BrokerError(
    'STORE_FAILED',
    `the local database failed at ${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
