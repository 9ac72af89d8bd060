import type { Ownership } from '../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import type { VmName } from '../../shared/ids.ts';
import type { OwnerRecord } from '../../shared/messages/record.ts';
import { type Life, messageDelayOf, never, type Pace } from './chances.ts';
import { type Links, theBus } from './links.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Time } from './time.ts';

/** A record as the bucket holds it. `writer` stands for the signature. */
export interface StoredRecord {
  readonly record: OwnerRecord;
  readonly writer: string;
  readonly revision: number;
}

/** The bucket of owner records, as the fleet shares it. */
export interface OwnerBucket {
  readonly replicas: number;
  readonly records: ReadonlyMap<VmName, StoredRecord>;
  /** Comes back as it was before the last few writes: what a server without replicas may do when it loses power. */
  rewind(writes: number): void;
  /** Puts a record there before anything begins. */
  seed(record: OwnerRecord): void;
  /** The bucket as one host's broker reaches it, as long as that lives. */
  ownershipOf(host: string, life: Life): Ownership;
}

/** How long NATS lets a request wait, in ms. */
const timeoutMs = 5_000;
const lingersMs = 50;

export function createOwnerBucket(by: {
  replicas: number;
  time: Time;
  random: Random;
  pace: Pace;
  links: Links;
  network: Network;
  /** Told of every write that was taken, before anybody is answered. */
  onWrite: (written: StoredRecord, before: StoredRecord | undefined) => void;
  /** Whether its owner has written down that it has the VM in that epoch. */
  isWrittenDown: (record: OwnerRecord) => boolean;
  /** A write was forgotten of which nobody knows that it was taken. */
  onUnheard: (forgotten: StoredRecord, before: StoredRecord | undefined) => void;
}): OwnerBucket {
  const { replicas, time, random, pace, links, network, onWrite, isWrittenDown, onUnheard } = by;
  const records = new Map<VmName, StoredRecord>();
  const undo: { vm: VmName; before: StoredRecord | undefined; revision: number; heardBy: Life | undefined }[] = [];
  const watchers = new Set<{ host: string; life: Life; onChange: (vm: VmName) => void }>();
  let revisions = 0;

  function put(vm: VmName, after: StoredRecord | undefined, by?: string): void {
    undo.push({ vm, before: records.get(vm), revision: revisions, heardBy: undefined });
    if (after === undefined) records.delete(vm);
    else records.set(vm, after);
    for (const watcher of watchers) {
      if (!watcher.life.up) watchers.delete(watcher);
      else if (watcher.host !== by) {
        time.after(messageDelayOf(random, pace), () => {
          if (watcher.life.up && network.busUp && links.carries(theBus, watcher.host)) watcher.onChange(vm);
        });
      }
    }
  }

  function requireRevision(vm: VmName, revision: number): void {
    const current = records.get(vm)?.revision ?? 0;
    if (current !== revision) throw new BrokerError('OWNER_CONFLICT', `${vm} is at ${current}, not ${revision}`);
  }

  return {
    replicas,
    records,
    rewind(writes) {
      for (let left = writes; left > 0 && undo.length > 0; left--) {
        const { vm, before, revision, heardBy } = undo.pop() as (typeof undo)[number];
        const forgotten = records.get(vm);
        // A broker that heard of it, and died before it had written that down, is the same as one that did not.
        const known =
          heardBy !== undefined && forgotten !== undefined && (heardBy.up || isWrittenDown(forgotten.record));
        if (!known && forgotten !== undefined) onUnheard(forgotten, before);
        if (before === undefined) records.delete(vm);
        else records.set(vm, before);
        revisions = revision;
      }
    },
    seed: (record) => void records.set(record.vm, { record, writer: record.owner, revision: ++revisions }),
    ownershipOf(host, life) {
      /** What is asked may be done without its answer, or not at all. */
      const asked = <T>(act: () => T, heard: () => void = () => {}): Promise<T> => {
        if (!life.up) return never();
        const calm = network.busUp && links.isWhole() && network.weather.loss === 0;
        if (calm && random.next() < pace.atOnce) {
          try {
            const answer = act();
            heard();
            return Promise.resolve(answer);
          } catch (error) {
            return Promise.reject(error);
          }
        }
        return new Promise((resolve, reject) => {
          const lost = () =>
            void time.after(timeoutMs, () => {
              if (life.up) reject(new BrokerError('BUS_TIMEOUT'));
            });
          const delayMs = messageDelayOf(random, pace);
          time.after(delayMs, () => {
            // What a process that died had sent may still arrive, but not long after.
            if (!life.up && delayMs > lingersMs) return;
            if (!network.busUp || !links.carries(host, theBus) || random.chance(network.weather.loss)) {
              lost();
              return;
            }
            let answer: T;
            try {
              answer = act();
            } catch (error) {
              if (life.up) reject(error);
              return;
            }
            if (!links.carries(theBus, host) || random.chance(network.weather.loss)) {
              lost();
              return;
            }
            if (!life.up) return;
            heard();
            resolve(answer);
          });
        });
      };
      return {
        decidesAlone: replicas >= 3,
        read(vm) {
          let found: StoredRecord | undefined;
          const look = () => {
            found = records.get(vm);
            if (found !== undefined && found.writer !== found.record.owner) throw new BrokerError('MESSAGE_FORGED');
            return found && { record: found.record, revision: found.revision };
          };
          // Whose own write was not answered hears of it by reading.
          return asked(look, () => {
            if (found?.writer !== host) return;
            const written = undo.findLast(({ revision }) => revision + 1 === found?.revision);
            if (written !== undefined) written.heardBy = life;
          });
        },
        write(record, revision) {
          let written: (typeof undo)[number] | undefined;
          const write = () => {
            requireRevision(record.vm, revision);
            const before = records.get(record.vm);
            const stored = { record, writer: host, revision: revisions + 1 };
            put(record.vm, stored, host);
            written = undo[undo.length - 1];
            revisions += 1;
            onWrite(stored, before);
            return stored.revision;
          };
          return asked(write, () => {
            if (written !== undefined) written.heardBy = life;
          });
        },
        remove: (vm, revision) =>
          asked(() => {
            requireRevision(vm, revision);
            put(vm, undefined, host);
            revisions += 1;
          }),
        async watch(onChange) {
          const watcher = { host, life, onChange };
          watchers.add(watcher);
          for (const { record } of records.values()) {
            if (record.owner !== host) time.after(messageDelayOf(random, pace), () => life.up && onChange(record.vm));
          }
          return () => void watchers.delete(watcher);
        },
      };
    },
  };
}
