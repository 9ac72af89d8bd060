import type { Bucket } from '../../../shared/bus/bus.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type HostName, hostName } from '../../../shared/ids.ts';
import { limits } from '../../../shared/limits.ts';
import { openHostRecord } from '../../../shared/messages/fleet-records.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import { check, integer } from '../../../shared/schema/schema.ts';
import type { Store } from '../../../shared/store/store.ts';
import type { Clock } from '../../../shared/time/clock.ts';

/** The other hosts of the fleet. */
export interface KnownHosts {
  /**
   * Every name that stands in the bucket of host records, and every one of which this host has ever seen a record that the
   * host itself had signed: what a bucket forgets, or somebody takes out of it, is a host all the same. BUS_* where the bus
   * is away, OWNER_IN_DOUBT where there are more names than a fleet may have.
   */
  others(): Promise<readonly HostName[]>;
  stop(): void;
}

/** Watches the bucket, and remembers in the store. */
export async function createKnownHosts(by: {
  readonly bucket: Bucket;
  readonly store: Store;
  readonly trust: Trust;
  readonly clock: Clock;
  readonly self: HostName;
}): Promise<KnownHosts> {
  const { bucket, store, trust, clock, self } = by;
  const seen = store.table<number>('hosts-seen', integer(0, Number.MAX_SAFE_INTEGER));

  const stop = await bucket.watch(({ key, value, revision }) => {
    const name = check(hostName, key);
    if (value === undefined || !name.ok || seen.get(key) !== undefined || seen.count() >= limits.hosts) return;
    try {
      openHostRecord(name.value, { value, revision }, trust);
    } catch (error) {
      if (error instanceof BrokerError) return;
      throw error;
    }
    seen.put(key, clock.nowMs());
  });

  return {
    async others() {
      const names = new Set([...(await bucket.keys()), ...seen.entries().map(({ key }) => key)]);
      names.delete(self);
      const hosts: HostName[] = [];
      for (const key of names) {
        const name = check(hostName, key);
        if (name.ok) hosts.push(name.value);
      }
      if (hosts.length > limits.hosts) {
        throw new BrokerError('OWNER_IN_DOUBT', `the bus names more than ${limits.hosts} hosts`);
      }
      return hosts.sort();
    },
    stop,
  };
}
