import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createKnownHosts } from '../../../../services/broker/peers/known-hosts.ts';
import type { Bucket, BucketChange } from '../../../../shared/bus/bus.ts';
import { createMemoryHub } from '../../../../shared/bus/memory.ts';
import { limits } from '../../../../shared/limits.ts';
import { buckets, type HostRecord } from '../../../../shared/messages/record.ts';
import { sealRecord } from '../../../../shared/messages/record-seal.ts';
import { openStore, type Store } from '../../../../shared/store/store.ts';
import { wakefulClock as clock } from '../../../support/bus.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { hostId } from '../../../support/values.ts';

const directory = await mkdtemp(join(tmpdir(), 'carnet-known-hosts-'));
after(() => rm(directory, { recursive: true, force: true }));
const fleet = await createTestFleet();

async function recordOf(name: string, signer = name): Promise<Uint8Array> {
  const record: HostRecord = {
    host: hostId(name),
    address: '127.0.0.1',
    qemuVersion: '7.2.0',
    accelerators: ['tcg'],
    policyDigest: '',
    context: 'u:r:t:s0',
    startedAtMs: 1,
    confined: false,
  };
  return sealRecord(await fleet.identity('host', signer), `host/${name}`, record, clock.nowMs());
}

test('a host is known by its name in the bucket, and one that signed a record once also when the bucket forgets it', async () => {
  const bucket = await createMemoryHub(clock).member().bucket(buckets.hosts);
  const store = openStore(join(directory, 'alpha'));
  const known = () => createKnownHosts({ bucket, store, trust: fleet.trust(clock), clock, self: hostId('alpha') });
  const first = await known();
  const seen = Promise.withResolvers<void>();
  const names = ['alpha', 'beta', 'forged', 'unsigned'];
  const stop = await bucket.watch(({ key }) => key === names.at(-1) && seen.resolve());
  await bucket.create('alpha', await recordOf('alpha'));
  await bucket.create('beta', await recordOf('beta'));
  await bucket.create('forged', await recordOf('forged', 'gamma'));
  await bucket.create('unsigned', new Uint8Array([1]));
  await seen.promise;
  await stop();
  // What cannot be read is somebody all the same, until it is gone.
  assert.deepEqual(await first.others(), ['beta', 'forged', 'unsigned']);
  for (const key of names) await bucket.delete(key);
  assert.deepEqual(await first.others(), ['beta']);
  first.stop();
  const second = await known();
  assert.deepEqual(await second.others(), ['beta'], 'the next broker of this host remembers');
  second.stop();
  await store.close();
});

test('a bus that names more hosts than a fleet may have is believed nothing, and no more are remembered', async () => {
  let keys: string[] = [];
  const heard = Promise.withResolvers<(change: BucketChange) => void>();
  const bucket = {
    keys: async () => keys,
    async watch(callback: (change: BucketChange) => void) {
      heard.resolve(callback);
      return () => {};
    },
  } as unknown as Bucket;
  const remembered: string[] = [];
  let count = limits.hosts - 1;
  const table = {
    get: () => undefined,
    count: () => count,
    entries: () => [],
    put: (key: string) => {
      remembered.push(key);
      count += 1;
    },
  };
  const store = { table: () => table } as unknown as Store;
  const { others } = await createKnownHosts({ bucket, store, trust: fleet.trust(clock), clock, self: hostId('alpha') });
  const hear = await heard.promise;
  for (const key of ['beta', 'gamma']) hear({ key, value: await recordOf(key), revision: 1 });
  assert.deepEqual(remembered, ['beta']);
  keys = Array.from({ length: limits.hosts }, (_, at) => `h${at}`);
  assert.equal((await others()).length, limits.hosts);
  keys.push('one-more');
  await assert.rejects(others(), { code: 'OWNER_IN_DOUBT' });
});
