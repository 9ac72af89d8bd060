import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { BucketChange, Bus } from '../../../shared/bus/bus.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { createCollector } from '../../support/bus-collector.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => (data === undefined ? undefined : new TextDecoder().decode(data));
const withCode = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;

/** What the buckets of every bus do alike, seen by two members. */
export function describeBuckets(members: () => { alpha: Bus; beta: Bus }): void {
  describe('has buckets, where it', () => {
    let alpha: Bus;
    let beta: Bus;
    before(() => {
      ({ alpha, beta } = members());
    });

    it('creates a record once', async () => {
      const [here, there] = await Promise.all([alpha.bucket('created'), beta.bucket('created')]);
      const revision = await here.create('vm.web', bytes('alpha'));
      await assert.rejects(there.create('vm.web', bytes('beta')), withCode('BUS_CONFLICT'));
      const entry = await there.get('vm.web');
      assert.deepEqual([text(entry?.value), entry?.revision], ['alpha', revision]);
    });

    it('updates a record only at the revision that was read: of two, one wins', async () => {
      const [here, there] = await Promise.all([alpha.bucket('updated'), beta.bucket('updated')]);
      const revision = await here.create('web', bytes('0'));
      const outcomes = await Promise.allSettled([
        here.update('web', bytes('alpha'), revision),
        there.update('web', bytes('beta'), revision),
      ]);
      const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      assert.equal(won.length, 1);
      assert.ok(lost.length === 1 && withCode('BUS_CONFLICT')(lost[0]));
      const entry = await here.get('web');
      assert.equal(entry?.revision, won[0]);
      assert.equal(text(entry?.value), outcomes[0]?.status === 'fulfilled' ? 'alpha' : 'beta');
      assert.ok((won[0] ?? 0) > revision);
    });

    it('refuses to update a record that is not there', async () => {
      const bucket = await alpha.bucket('absent');
      assert.equal(await bucket.get('web'), undefined);
      await assert.rejects(bucket.update('web', bytes('x'), 7), withCode('BUS_CONFLICT'));
      assert.equal(await bucket.get('web'), undefined);
    });

    it('deletes at a revision, and a deleted record can be created again and not updated', async () => {
      const bucket = await alpha.bucket('deleted');
      const first = await bucket.create('web', bytes('1'));
      const second = await bucket.update('web', bytes('2'), first);
      await assert.rejects(bucket.delete('web', first), withCode('BUS_CONFLICT'));
      assert.equal(text((await bucket.get('web'))?.value), '2');
      await bucket.delete('web', second);
      assert.equal(await bucket.get('web'), undefined);
      await assert.rejects(bucket.update('web', bytes('3'), second), withCode('BUS_CONFLICT'));
      const third = await bucket.create('web', bytes('4'));
      assert.ok(third > second);
      await bucket.delete('web');
      await bucket.delete('web');
      assert.equal(await bucket.get('web'), undefined);
    });

    it('lists the keys that have a value', async () => {
      const bucket = await alpha.bucket('listed');
      assert.deepEqual(await bucket.keys(), []);
      for (const key of ['a', 'b.c', 'gone']) await bucket.create(key, bytes(key));
      await bucket.delete('gone');
      assert.deepEqual((await bucket.keys()).sort(), ['a', 'b.c']);
    });

    it('watches what is there and then what changes, until it is stopped', async () => {
      const [here, there] = await Promise.all([alpha.bucket('watched'), beta.bucket('watched')]);
      const revision = await here.create('web', bytes('1'));
      const seen = createCollector<BucketChange>();
      const stop = await there.watch(seen.push);
      await seen.atLeast(1);
      const next = await here.update('web', bytes('2'), revision);
      await here.create('db', bytes('3'));
      await here.delete('web', next);
      const changes = await seen.atLeast(4);
      assert.deepEqual(
        changes.map(({ key, value }) => [key, text(value)]),
        [
          ['web', '1'],
          ['web', '2'],
          ['db', '3'],
          ['web', undefined],
        ],
      );
      stop();
      await here.create('late', bytes('4'));
      await there.get('late');
      assert.equal(seen.items.length, 4);
    });

    it('refuses keys that are none', async () => {
      const bucket = await alpha.bucket('keyed');
      for (const key of ['', '.a', 'a.', 'a..b', 'a b', '*', '>', 'x'.repeat(300)]) {
        await assert.rejects(bucket.get(key), withCode('USAGE_INVALID'), key);
        await assert.rejects(bucket.create(key, bytes('x')), withCode('USAGE_INVALID'), key);
        await assert.rejects(bucket.update(key, bytes('x'), 1), withCode('USAGE_INVALID'), key);
        await assert.rejects(bucket.delete(key), withCode('USAGE_INVALID'), key);
      }
    });
  });
}
