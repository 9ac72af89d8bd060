import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { HostName } from '../../../shared/ids.ts';
import { type DrainMark, drainMark } from '../../../shared/messages/request.ts';
import type { Store } from '../../../shared/store/store.ts';

/** The mark of a host that is being drained: it takes nothing in. It stays until it is taken away. */
export interface Draining {
  mark(): DrainMark | undefined;
  /** Resolves when the mark is on disk. A mark that is there stays as it is. */
  set(mark: DrainMark): Promise<void>;
  clear(): Promise<void>;
}

const key = 'mark';

export function createDraining(store: Store): Draining {
  const table = store.table<DrainMark>('draining', drainMark);
  return {
    mark: () => table.get(key),
    async set(mark) {
      // Written again where it is there: it may not be on disk yet.
      table.put(key, table.get(key) ?? mark);
      await store.flushed();
    },
    async clear() {
      if (table.remove(key)) await store.flushed();
    },
  };
}

/** HOST_DRAINING where the host takes nothing in. */
export function mustNotDrain({ host, draining }: { readonly host: HostName; readonly draining: Draining }): void {
  const mark = draining.mark();
  if (mark === undefined) return;
  throw new BrokerError('HOST_DRAINING', `${host} is being drained for ${mark.by}, and takes nothing in`, {
    hint: `choose another host, or take the mark away: carnet host undrain ${host}`,
  });
}
