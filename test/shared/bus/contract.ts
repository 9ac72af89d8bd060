import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BucketChange, Bus, BusStatus } from '../../../shared/bus/bus.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { createCollector } from '../../support/bus-collector.ts';

/** Connects members of one bus; `stop` ends it. */
export interface BusUnderTest {
  connect(name: string): Promise<Bus>;
  stop(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => (data === undefined ? undefined : new TextDecoder().decode(data));
const withCode = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;

/** What every bus does alike. */
export function describeBus(title: string, start: () => Promise<BusUnderTest>): void {
  describe(title, { timeout: 60_000 }, () => {
    let under: BusUnderTest;
    let alpha: Bus;
    let beta: Bus;

    before(async () => {
      under = await start();
      alpha = await under.connect('alpha');
      beta = await under.connect('beta');
    });
    after(async () => {
      await alpha.close();
      await beta.close();
      await under.stop();
    });

    it('answers a request with what the handler answers, and tells it the subject', async () => {
      const served = beta.serve('v1.beta.*.ask', async (data, subject) => bytes(`${subject} ${text(data)}`));
      await beta.flush();
      const answer = await alpha.request('v1.beta.alpha.ask', bytes('hello'), 2000);
      assert.equal(text(answer), 'v1.beta.alpha.ask hello');
      served.stop();
    });

    it('answers many requests at once, each with its own answer', async () => {
      const served = beta.serve('many', async (data) => data);
      await beta.flush();
      const sent = Array.from({ length: 50 }, (_, i) => `message ${i}`);
      const answers = await Promise.all(sent.map((message) => alpha.request('many', bytes(message), 2000)));
      assert.deepEqual(answers.map(text), sent);
      served.stop();
    });

    it('says at once that nobody listens', async () => {
      await assert.rejects(alpha.request('nobody.here', bytes('x'), 60_000), withCode('BUS_NO_RESPONDER'));
    });

    it('says that nobody listens any more once a subscription was stopped', async () => {
      const served = beta.serve('shortly', async (data) => data);
      served.stop();
      served.stop();
      await beta.flush();
      await assert.rejects(alpha.request('shortly', bytes('x'), 60_000), withCode('BUS_NO_RESPONDER'));
    });

    it('gives up when a listener does not answer in time', async () => {
      const served = beta.serve('silent', async () => undefined);
      await beta.flush();
      await assert.rejects(alpha.request('silent', bytes('x'), 30), withCode('BUS_TIMEOUT'));
      served.stop();
    });

    it('sends no reply for a handler that fails, and reports it as a status', async () => {
      const statuses = createCollector<BusStatus>();
      const stop = beta.onStatus(statuses.push);
      const served = beta.serve('failing', async () => {
        throw new Error('out of order');
      });
      await beta.flush();
      await assert.rejects(alpha.request('failing', bytes('x'), 30), withCode('BUS_TIMEOUT'));
      const [status] = await statuses.atLeast(1);
      assert.deepEqual(status, { is: 'error', detail: 'the handler of failing failed: out of order' });
      stop();
      served.stop();
    });

    it('publishes to every subscriber in the order of sending, and to nobody else', async () => {
      const one = createCollector<string>();
      const other = createCollector<string>();
      const outside = createCollector<string>();
      const subscriptions = [
        alpha.subscribe('news.>', (data, subject) => one.push(`${subject} ${text(data)}`)),
        beta.subscribe('news.*.today', (data) => other.push(text(data) ?? '')),
        beta.subscribe('news', (data) => outside.push(text(data) ?? '')),
      ];
      await Promise.all([alpha.flush(), beta.flush()]);
      for (const word of ['a', 'b', 'c']) alpha.publish('news.here.today', bytes(word));
      assert.deepEqual(await other.atLeast(3), ['a', 'b', 'c']);
      assert.deepEqual(await one.atLeast(3), ['news.here.today a', 'news.here.today b', 'news.here.today c']);
      alpha.publish('news', bytes('last'));
      assert.deepEqual(await outside.atLeast(1), ['last']);
      for (const subscription of subscriptions) subscription.stop();
    });

    it('goes on delivering after a subscriber failed', async () => {
      const statuses = createCollector<BusStatus>();
      const stop = beta.onStatus(statuses.push);
      const received = createCollector<string>();
      const subscription = beta.subscribe('fragile', (data) => {
        if (text(data) === 'bad') throw new Error('not this one');
        received.push(text(data) ?? '');
      });
      await beta.flush();
      alpha.publish('fragile', bytes('bad'));
      alpha.publish('fragile', bytes('good'));
      assert.deepEqual(await received.atLeast(1), ['good']);
      assert.equal(statuses.items[0]?.is, 'error');
      stop();
      subscription.stop();
    });

    it('delivers bytes unchanged that the sender reuses afterwards', async () => {
      const received = createCollector<string>();
      const subscription = beta.subscribe('reused', (data) => received.push(text(data) ?? ''));
      await beta.flush();
      const buffer = bytes('first');
      alpha.publish('reused', buffer);
      await alpha.flush();
      buffer.fill(0);
      assert.deepEqual(await received.atLeast(1), ['first']);
      subscription.stop();
    });

    it('refuses subjects that are none and messages that are too large', async () => {
      for (const subject of ['', 'a..b', 'a b', 'a.*', '>', 'a\r\nPUB b 0', 'x'.repeat(300)]) {
        assert.throws(() => alpha.publish(subject, bytes('x')), withCode('USAGE_INVALID'), subject);
        await assert.rejects(alpha.request(subject, bytes('x'), 10), withCode('USAGE_INVALID'), subject);
      }
      for (const pattern of ['', 'a.>.b', 'a b', 'a*']) {
        assert.throws(() => alpha.subscribe(pattern, () => {}), withCode('USAGE_INVALID'), pattern);
      }
      const large = new Uint8Array(2 * 1024 * 1024);
      assert.throws(() => alpha.publish('large', large), withCode('MESSAGE_MALFORMED'));
      await assert.rejects(alpha.request('large', large, 1000), withCode('MESSAGE_MALFORMED'));
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

    it('ends what a member waits for when it closes, says so, and is unreachable from then on', async () => {
      const gamma = await under.connect('gamma');
      const statuses = createCollector<BusStatus>();
      gamma.onStatus(statuses.push);
      const served = beta.serve('forever', async () => undefined);
      const own = gamma.serve('gone', async (data) => data);
      await Promise.all([beta.flush(), gamma.flush()]);
      const waiting = assert.rejects(gamma.request('forever', bytes('x'), 60_000), withCode('BUS_UNREACHABLE'));
      await gamma.close();
      await gamma.close();
      await waiting;
      assert.deepEqual((await statuses.atLeast(1)).at(-1), { is: 'closed' });
      assert.throws(() => gamma.publish('x', bytes('x')), withCode('BUS_UNREACHABLE'));
      await assert.rejects(gamma.request('x', bytes('x'), 1000), withCode('BUS_UNREACHABLE'));
      await assert.rejects(gamma.bucket('x'), withCode('BUS_UNREACHABLE'));
      await assert.rejects(alpha.request('gone', bytes('x'), 60_000), withCode('BUS_NO_RESPONDER'));
      own.stop();
      served.stop();
    });
  });
}
