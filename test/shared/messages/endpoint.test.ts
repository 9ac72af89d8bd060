import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Bus } from '../../../shared/bus/bus.ts';
import { createMemoryHub, type MemoryHub } from '../../../shared/bus/memory.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { limits } from '../../../shared/limits.ts';
import type { Logger } from '../../../shared/log/logger.ts';
import type { Endpoint } from '../../../shared/messages/endpoint.ts';
import { declareExchange, declareNotice, subjectOf } from '../../../shared/messages/exchange.ts';
import { fault } from '../../../shared/messages/fault.ts';
import { createSeal, openEmbedded } from '../../../shared/messages/frame.ts';
import { fields, integer, literal, text, variant } from '../../../shared/schema/schema.ts';
import { createTestEndpoint } from '../../support/bus.ts';
import { createCollector } from '../../support/bus-collector.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createTestFleet, type TestFleet } from '../../support/pki.ts';

const sum = declareExchange({
  name: 'sum',
  ask: fields({ n: integer(0, 10) }),
  answer: variant('is', [fields({ is: literal('sum'), n: integer(0, 11) }), fields({ is: literal('failed'), fault })]),
  timeoutMs: 1000,
  ofFault: (fault) => ({ is: 'failed', fault }) as const,
});
const bare = declareExchange({
  name: 'bare',
  ask: fields({}),
  answer: fields({ word: text(10) }),
  timeoutMs: 1000,
});
const news = declareNotice({ name: 'news', body: fields({ n: integer(0, 100) }) });

const alpha = { role: 'host', name: 'alpha' } as const;
const operator = { role: 'client', name: 'operator' } as const;
const withCode = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;

describe('an endpoint', { timeout: 30_000 }, () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await createTestFleet();
  });

  let clock: ManualClock;
  let hub: MemoryHub;
  let wire: Bus;
  let host: Endpoint;
  let client: Endpoint;
  let refused: string[];
  /** What the host's endpoint logs of messages it did not take. */
  const log: Logger = {
    debug: () => {},
    info: () => {},
    warn: (_sentence, about) => refused.push(String(about?.['check'] ?? 'handler')),
    error: () => refused.push('answer'),
    with: () => log,
  };

  beforeEach(async () => {
    clock = createManualClock(Date.now());
    hub = createMemoryHub(clock);
    wire = hub.member();
    refused = [];
    host = await createTestEndpoint(fleet, hub.member(), 'host', 'alpha', { clock, log });
    client = await createTestEndpoint(fleet, hub.member(), 'client', 'operator', { clock });
  });
  afterEach(() => wire.close());

  /** Lets what was sent arrive, then time pass until nobody waits any more. */
  async function passBy(asked: Promise<unknown>) {
    const settled = asked.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(120_000);
    await settled;
  }

  it('gets a verified answer, and the host knows who asked and with which bytes', async () => {
    host.serve(sum, async ({ n }, { sender, askBytes, digest, expiresAtMs }) => {
      assert.deepEqual([sender.role, sender.name], ['client', 'operator']);
      assert.equal(expiresAtMs, clock.nowMs() + limits.messageLifetimeMs);
      const expected = { type: 'sum', kind: 'ask', receiver: alpha, body: sum.ask } as const;
      const carried = openEmbedded(askBytes, expected, { trust: fleet.trust(clock), clock });
      assert.ok(Buffer.from(carried.digest).equals(digest));
      return { is: 'sum', n: n + 1 } as const;
    });
    const { answer, sender, askBytes } = await client.ask(sum, alpha, { n: 4 });
    assert.deepEqual(answer, { is: 'sum', n: 5 });
    assert.deepEqual([sender.role, sender.name], ['host', 'alpha']);
    assert.ok(askBytes.length > 0);
  });

  it('sends nothing that has not its form', async () => {
    let isAsked = false;
    host.serve(sum, async () => {
      isAsked = true;
      return { is: 'sum', n: 1 } as const;
    });
    await assert.rejects(client.ask(sum, alpha, { n: 11 }), withCode('USAGE_INVALID'));
    assert.throws(() => client.notify(news, alpha, { n: -1 }), withCode('INTERNAL'));
    assert.equal(isAsked, false);
  });

  it("answers what a handler throws in the exchange's own form, in one line", async () => {
    host.serve(sum, async () => {
      throw new BrokerError('VM_BUSY', 'not\nnow', { hint: 'wait' });
    });
    const { answer } = await client.ask(sum, alpha, { n: 1 });
    assert.deepEqual(answer, { is: 'failed', fault: { code: 'VM_BUSY', message: 'not now', hint: 'wait' } });
  });

  it('answers a fault where the handler answers what has not its form, or what is too large', async () => {
    host.serve(sum, async ({ n }) => ({ is: 'sum', n: n + 10 }) as const);
    const { answer } = await client.ask(sum, alpha, { n: 5 });
    assert.ok(answer.is === 'failed' && answer.fault.code === 'INTERNAL');
  });

  it('answers nothing for a fault that the exchange has no form for', async () => {
    host.serve(bare, async () => {
      throw new BrokerError('VM_BUSY');
    });
    const asked = client.ask(bare, alpha, {});
    const timedOut = assert.rejects(asked, withCode('BUS_TIMEOUT'));
    await passBy(asked);
    await timedOut;
    assert.deepEqual(refused, ['handler']);
  });

  it('answers a sender whose clock is off with that fault, and runs no handler', async () => {
    const late = createManualClock(clock.nowMs() - 600_000);
    const bus = hub.member();
    const trust = fleet.trust(clock);
    const slow = await createTestEndpoint(fleet, bus, 'client', 'operator', { clock: late, trust });
    host.serve(sum, async () => assert.fail('a stale ask was handled'));
    // The answer is from the future for a clock that is behind: the sender learns that much.
    await assert.rejects(slow.ask(sum, alpha, { n: 1 }), /the message is from 600000 ms in the future/);
    assert.deepEqual(refused, ['freshness']);
  });

  it('answers a sender of another version with the fault of its body, and runs no handler', async () => {
    const newer = declareExchange({ ...sum, ask: fields({ n: integer(0, 10), m: integer(0, 10) }) });
    host.serve(sum, async () => assert.fail('an ask of another form was handled'));
    const { answer } = await client.ask(newer, alpha, { n: 1, m: 2 });
    assert.ok(answer.is === 'failed' && answer.fault.code === 'MESSAGE_MALFORMED');
    assert.match(answer.fault.message, /m: /);
  });

  it('neither handles nor answers an ask that comes again, or for another, or from another fleet', async () => {
    let handled = 0;
    host.serve(sum, async () => {
      handled++;
      return { is: 'sum', n: 1 } as const;
    });
    const { askBytes } = await client.ask(sum, alpha, { n: 1 });
    const foreign = await createTestFleet();
    const intruder = await createTestEndpoint(foreign, hub.member(), 'client', 'operator', { clock });
    const redirected = await createTestEndpoint(fleet, wire, 'client', 'operator', { clock });
    const beta = { role: 'host', name: 'beta' } as const;
    const forBeta = createCollector<Uint8Array>();
    hub.member().subscribe(subjectOf('beta', '*', 'sum'), forBeta.push);
    const asked = redirected.ask(sum, beta, { n: 1 });
    const [misdirected = new Uint8Array()] = await forBeta.atLeast(1);
    const attempts: readonly [Promise<unknown>, string][] = [
      [asked, 'BUS_TIMEOUT'],
      [wire.request(subjectOf('alpha', 'operator', 'sum'), askBytes, 1000), 'BUS_TIMEOUT'],
      [wire.request(subjectOf('alpha', 'monitor', 'sum'), askBytes, 1000), 'BUS_TIMEOUT'],
      [wire.request(subjectOf('alpha', 'operator', 'sum'), misdirected, 1000), 'BUS_TIMEOUT'],
      [wire.request(subjectOf('alpha', 'operator', 'sum'), Buffer.from('x'), 1000), 'BUS_TIMEOUT'],
      [intruder.ask(sum, alpha, { n: 1 }), 'BUS_TIMEOUT'],
    ];
    const outcomes = Promise.all(attempts.map(([attempt, code]) => assert.rejects(attempt, withCode(code))));
    await passBy(outcomes);
    await outcomes;
    assert.equal(handled, 1);
    assert.deepEqual(refused.sort(), ['certificate', 'form', 'receiver', 'replay', 'subject']);
  });

  it('takes no answer that another member of the fleet gives in place of who was asked', async () => {
    const beta = { identity: await fleet.identity('host', 'beta'), trust: fleet.trust(clock), clock };
    const seal = createSeal({ ...beta, random: randomBytes });
    wire.serve(subjectOf('alpha', '*', 'sum'), async (bytes) => {
      const ask = openEmbedded(bytes, { type: 'sum', kind: 'ask', receiver: alpha, body: sum.ask }, beta);
      const body = { is: 'sum', n: ask.body.n + 1 };
      return seal({ type: 'sum', kind: 'answer', to: operator, previous: ask.digest, body }).bytes;
    });
    await assert.rejects(client.ask(sum, alpha, { n: 1 }), /host beta answered for another/);
  });

  it('takes no answer to an earlier ask', async () => {
    host.serve(sum, async ({ n }) => ({ is: 'sum', n }) as const);
    const recorded = createCollector<Uint8Array>();
    const relay = hub.member();
    relay.serve(subjectOf('relay', '*', 'sum'), async (bytes) => {
      recorded.push(await relay.request(subjectOf('alpha', 'operator', 'sum'), bytes, 1000));
      return recorded.items[0];
    });
    // The bus sends the client's asks through the relay, which answers each with the first answer.
    const base = hub.member();
    const bus: Bus = {
      ...base,
      request: (_subject, data, timeoutMs) => base.request(subjectOf('relay', 'operator', 'sum'), data, timeoutMs),
    };
    const relayed = await createTestEndpoint(fleet, bus, 'client', 'operator', { clock });
    assert.deepEqual((await relayed.ask(sum, alpha, { n: 1 })).answer, { is: 'sum', n: 1 });
    await assert.rejects(relayed.ask(sum, alpha, { n: 2 }), /answers another one/);
    assert.equal(recorded.items.length, 2);
  });

  it('says that nobody listens under a name', async () => {
    await assert.rejects(client.ask(sum, { role: 'host', name: 'nobody' }, { n: 1 }), withCode('BUS_NO_RESPONDER'));
  });

  it('tells notices to who they are for, and drops those that come late or again', async () => {
    const told = createCollector<number>();
    const subscription = client.subscribe(news, ({ n }, { sender }) => {
      assert.equal(sender.name, 'alpha');
      told.push(n);
    });
    const frames = createCollector<Uint8Array>();
    const subject = subjectOf('operator', 'alpha', 'news');
    const spy = wire.subscribe(subject, frames.push);
    for (const n of [1, 2]) host.notify(news, operator, { n });
    const [first = new Uint8Array(), second = new Uint8Array()] = await frames.atLeast(2);
    await told.atLeast(2);
    spy.stop();
    const fresh = await createTestEndpoint(fleet, hub.member(), 'client', 'operator', { clock });
    const reordered = createCollector<number>();
    fresh.subscribe(news, ({ n }) => reordered.push(n));
    for (const bytes of [second, first, second]) wire.publish(subject, bytes);
    host.notify(news, operator, { n: 3 });
    assert.deepEqual(await reordered.atLeast(2), [2, 3]);
    assert.deepEqual(await told.atLeast(3), [1, 2, 3]);
    subscription.stop();
    host.notify(news, operator, { n: 4 });
    assert.deepEqual(await reordered.atLeast(3), [2, 3, 4]);
    assert.deepEqual(told.items, [1, 2, 3]);
  });
});
