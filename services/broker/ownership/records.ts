import type { Bucket } from '../../../shared/bus/bus.ts';
import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import { vmName } from '../../../shared/ids.ts';
import { openOwnerRecord } from '../../../shared/messages/fleet-records.ts';
import { sealRecord } from '../../../shared/messages/record-seal.ts';
import type { Identity } from '../../../shared/pki/identity.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import { check } from '../../../shared/schema/schema.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { Ownership } from '../runtime/ports.ts';

/** The owner records in the fleet's key-value bucket, each signed by the host that wrote it. */
export function createOwnership({
  bucket,
  identity,
  trust,
  clock,
}: {
  bucket: Bucket;
  identity: Identity;
  trust: Trust;
  clock: Clock;
}): Ownership {
  return {
    decidesAlone: bucket.replicas >= 3,
    async read(vm) {
      const entry = await bucket.get(vm);
      if (entry === undefined) return undefined;
      return { record: openOwnerRecord(vm, entry, trust), revision: entry.revision };
    },
    async write(record, revision) {
      const value = sealRecord(identity, `owner/${record.vm}`, record, clock.nowMs());
      return orConflict(record.vm, () =>
        revision === 0 ? bucket.create(record.vm, value) : bucket.update(record.vm, value, revision),
      );
    },
    remove: (vm, revision) => orConflict(vm, () => bucket.delete(vm, revision)),
    watch: (onChange) =>
      bucket.watch(({ key }) => {
        const name = check(vmName, key);
        if (name.ok) onChange(name.value);
      }),
  };
}

async function orConflict<T>(vm: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (faultOf(error).code !== 'BUS_CONFLICT') throw error;
    throw new BrokerError('OWNER_CONFLICT', `the owner record of ${vm} was changed by another host`, { cause: error });
  }
}
