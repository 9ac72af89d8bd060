import { integer } from '../schema/schema.ts';
import type { Store } from '../store/store.ts';

/** Which frames were taken already, for as long as they could be sent again. */
export interface SeenNonces {
  /**
   * Remembers a nonce of a sender until `untilMs`. `full` where that sender has sent so much in a message's lifetime that
   * no more can be remembered: then nothing more is taken from it, and from others everything still is.
   */
  admit(nonce: SeenNonce, nowMs: number): 'new' | 'seen' | 'full';
}

export interface SeenNonce {
  /** `role/name`. */
  readonly sender: string;
  readonly nonce: Uint8Array;
  readonly untilMs: number;
}

/** Where nonces are kept across restarts. */
interface Shelf {
  load(): Iterable<readonly [key: string, untilMs: number]>;
  add(key: string, untilMs: number): void;
  remove(keys: readonly string[]): void;
}

const perSenderMax = 8192;
const pruneEvery = 256;

/** Remembers in memory alone: enough for a process that is asked nothing, such as the command line. */
export const createSeenNonces = (options: { perSenderMax?: number } = {}): SeenNonces =>
  rememberOn({ load: () => [], add() {}, remove() {} }, options.perSenderMax ?? perSenderMax);

/** Remembers in the store as well, so that what was taken before a restart is not taken again after it. */
export function createStoredSeenNonces(store: Store, options: { perSenderMax?: number } = {}): SeenNonces {
  const table = store.table<number>('seen-nonces', integer(0, Number.MAX_SAFE_INTEGER));
  const shelf: Shelf = {
    load: () => table.entries().map(({ key, value }) => [key, value] as const),
    add: (key, untilMs) => table.put(key, untilMs),
    remove: (keys) =>
      store.transaction(() => {
        for (const key of keys) table.remove(key);
      }),
  };
  return rememberOn(shelf, options.perSenderMax ?? perSenderMax);
}

function rememberOn(shelf: Shelf, senderMax: number): SeenNonces {
  const untilOf = new Map<string, number>(shelf.load());
  const counts = new Map<string, number>();
  const senderOf = (key: string) => key.slice(0, key.indexOf(' '));
  const count = (key: string, by: 1 | -1) => {
    const next = (counts.get(senderOf(key)) ?? 0) + by;
    if (next === 0) counts.delete(senderOf(key));
    else counts.set(senderOf(key), next);
  };
  for (const key of untilOf.keys()) count(key, 1);
  let sincePrune = 0;

  function prune(nowMs: number): void {
    const expired = [...untilOf].filter(([, untilMs]) => untilMs < nowMs).map(([key]) => key);
    if (expired.length > 0) shelf.remove(expired);
    for (const key of expired) {
      untilOf.delete(key);
      count(key, -1);
    }
    sincePrune = 0;
  }

  return {
    admit({ sender, nonce, untilMs }, nowMs) {
      const key = `${sender} ${Buffer.from(nonce).toString('base64url')}`;
      if (untilOf.has(key)) return 'seen';
      if (++sincePrune >= pruneEvery || (counts.get(sender) ?? 0) >= senderMax) prune(nowMs);
      if ((counts.get(sender) ?? 0) >= senderMax) return 'full';
      shelf.add(key, untilMs);
      untilOf.set(key, untilMs);
      count(key, 1);
      return 'new';
    },
  };
}
