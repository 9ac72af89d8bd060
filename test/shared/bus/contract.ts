import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Bus, BusStatus } from '../../../shared/bus/bus.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { createCollector } from '../../support/bus-collector.ts';
import { describeBuckets } from './bucket-contract.ts';

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

    describeBuckets(() => ({ alpha, beta }));

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
      // A server may learn of the end a moment later than the member: until then nobody answers.
      let code: string | undefined = 'BUS_TIMEOUT';
      while (code === 'BUS_TIMEOUT') {
        code = await alpha.request('gone', bytes('x'), 200).then(
          () => 'answered',
          (error: { code?: string }) => error.code,
        );
      }
      assert.equal(code, 'BUS_NO_RESPONDER');
      own.stop();
      served.stop();
    });
  });
}
