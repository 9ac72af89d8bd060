/*
 * What Carnet needs of a message bus: delivery, and one small table of records that change by compare-and-set. Nothing that
 * comes from it is trusted: frames are signed end to end (shared/messages). Every promise here rejects with a BrokerError:
 * BUS_UNREACHABLE, BUS_TIMEOUT, BUS_NO_RESPONDER, BUS_DENIED, BUS_CONFLICT, or MESSAGE_MALFORMED for what is too large.
 *
 * Subjects are dot-separated tokens. In a subscription `*` stands for one token and a last `>` for one or more.
 */

/** One member's connection. */
export interface Bus {
  /** Sends and waits for the first reply. BUS_NO_RESPONDER when nobody listens, BUS_TIMEOUT when nobody answered in time. */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Answers requests. A handler that answers nothing, or fails, sends no reply. */
  serve(subject: string, handler: (data: Uint8Array, subject: string) => Promise<Uint8Array | undefined>): Subscription;
  /** Sends to whoever listens at this moment. A refusal by the bus comes later, as a `denied` status. */
  publish(subject: string, data: Uint8Array): void;
  subscribe(subject: string, handler: (data: Uint8Array, subject: string) => void): Subscription;
  /** Resolves when everything sent so far, subscriptions included, has reached the bus. */
  flush(): Promise<void>;
  /** The key-value table of that name, made where it does not exist. */
  bucket(name: string, options?: BucketOptions): Promise<Bucket>;
  /** Calls back whenever the connection changes or the bus refuses something; the answer stops it. */
  onStatus(handler: (status: BusStatus) => void): () => void;
  /** Ends every subscription and the connection. Idempotent. */
  close(): Promise<void>;
}

export interface Subscription {
  /** Delivers nothing more. Idempotent. */
  stop(): void;
}

export interface BucketOptions {
  /** Revisions kept per key, 1 to 64. */
  readonly history?: number;
  /** Servers that keep a copy. With fewer than three the loss of a server can undo an acknowledged write. */
  readonly replicas?: number;
}

/** A value and the number of the write that made it. */
export interface BucketEntry {
  readonly value: Uint8Array;
  readonly revision: number;
}

/** A change of a key. `value` is absent when the key was deleted. */
export interface BucketChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** Keys are letters, digits, `-`, `_`, `=`, `/` and inner dots. Revisions grow with every write to the bucket. */
export interface Bucket {
  /** Servers that keep a copy, as the bucket has it; 1 where the bus does not say. */
  readonly replicas: number;
  /** The latest value, from the leader and not from a replica that may lag. */
  get(key: string): Promise<BucketEntry | undefined>;
  /** Writes a key that does not exist or was deleted, and answers with its revision. BUS_CONFLICT where it exists. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Replaces the value at that revision, and answers with the new one. BUS_CONFLICT where another was written since. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Deletes a key, where a revision is given only that one: BUS_CONFLICT. A key that is not there stays so. */
  delete(key: string, revision?: number): Promise<void>;
  /** Every key that has a value, in no order. */
  keys(): Promise<string[]>;
  /** Calls back with every key's latest change and then with each new one; the answer stops it. */
  watch(handler: (change: BucketChange) => void): Promise<() => void>;
}

export type BusStatus =
  | { readonly is: 'disconnected' | 'reconnected' | 'closed' }
  /** The bus refused a subject; `detail` is its own sentence. */
  | { readonly is: 'denied'; readonly subject: string; readonly detail: string }
  /** Something that belongs in the log: a handler that failed, a watch that ended. */
  | { readonly is: 'error'; readonly detail: string };
