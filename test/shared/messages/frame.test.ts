import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { limits } from '../../../shared/limits.ts';
import { createSeenNonces, type Expected, openEmbedded, openFrame } from '../../../shared/messages/frame.ts';
import { wrap } from '../../../shared/messages/frame-seal.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import {
  alpha,
  type Body,
  bodyForm,
  createFrameWorld,
  expectedAsk,
  type FrameWorld,
  failing,
  nowMs,
  operator,
  partsOf,
} from './frame-world.ts';

describe('a frame', () => {
  let world: FrameWorld;
  before(async () => {
    world = await createFrameWorld();
  });

  it('arrives as it was sent, from whom it says', () => {
    const frame = world.sealed();
    const opened = world.open(frame.bytes);
    assert.deepEqual(opened.body, { n: 1 });
    assert.deepEqual(opened.header, { ...frame.header, nonce: Buffer.from(frame.header.nonce) });
    assert.equal(opened.sender.fingerprint, world.client.certificateFingerprint);
    assert.ok(Buffer.from(opened.digest).equals(frame.digest));
  });

  it('has a nonce of its own and a sequence that grows, also when the clock stands still or starts again', () => {
    const seal = world.sealBy(world.client);
    const content = { type: 'request', kind: 'ask', to: alpha, body: { n: 1 } } as const;
    const [one, two] = [seal(content), seal(content)];
    assert.ok(two.header.sequence > one.header.sequence);
    assert.notDeepEqual(one.header.nonce, two.header.nonce);
    assert.ok(world.sealBy(world.client, nowMs + 10)(content).header.sequence > two.header.sequence);
  });

  it('is named by what is signed, however it is wrapped', () => {
    const frame = world.sealed();
    const again = wrap(partsOf(frame.bytes).payload, world.client);
    assert.notDeepEqual(Buffer.from(again), Buffer.from(frame.bytes));
    assert.ok(Buffer.from(world.open(again).digest).equals(frame.digest));
  });

  it('is not sealed when it is too large to send', () => {
    const isTooLarge = { code: 'MESSAGE_MALFORMED', message: /too large to send/ };
    assert.throws(() => world.sealed({ body: { n: 'x'.repeat(limits.frameBytes) } }), isTooLarge);
  });

  describe('is refused', () => {
    it('on a subject of another sender', () => {
      const onOther = { ...expectedAsk, subjectSender: 'monitor' };
      assert.throws(() => world.open(world.sealed().bytes, onOther), failing('subject', 'MESSAGE_MISDIRECTED'));
    });

    it('too late and too early, by more than two clocks may differ', () => {
      const frame = world.sealed({ lifetimeMs: 1000 });
      const lastMs = nowMs + 1000 + limits.clockSkewMs;
      const firstMs = nowMs - limits.clockSkewMs;
      for (const atMs of [firstMs, lastMs]) assert.deepEqual(world.open(frame.bytes, expectedAsk, atMs).body, { n: 1 });
      for (const atMs of [firstMs - 1, lastMs + 1]) {
        assert.throws(() => world.open(frame.bytes, expectedAsk, atMs), failing('freshness', 'MESSAGE_STALE'));
      }
    });

    it('the second time, also in another wrapping, as long as it could be fresh', () => {
      const clock = createManualClock(nowMs);
      const by = { trust: world.trust, clock, seen: createSeenNonces() };
      const frame = world.sealed();
      openFrame(frame.bytes, expectedAsk, by);
      clock.advance(limits.messageLifetimeMs + limits.clockSkewMs);
      for (const bytes of [frame.bytes, wrap(partsOf(frame.bytes).payload, world.client)]) {
        assert.throws(() => openFrame(bytes, expectedAsk, by), failing('replay', 'MESSAGE_STALE'));
      }
      clock.advance(1);
      assert.throws(() => openFrame(frame.bytes, expectedAsk, by), failing('freshness', 'MESSAGE_STALE'));
    });

    it('when its sender has sent more than the receiver can remember, until the oldest can be fresh no more', () => {
      const clock = createManualClock(nowMs);
      const by = { trust: world.trust, clock, seen: createSeenNonces({ perSenderMax: 1 }) };
      openFrame(world.sealed().bytes, expectedAsk, by);
      clock.advance(limits.messageLifetimeMs + limits.clockSkewMs);
      const next = world.sealed({}, clock.nowMs());
      assert.throws(() => openFrame(next.bytes, expectedAsk, by), failing('replay', 'MESSAGE_STALE'));
      clock.advance(1);
      assert.deepEqual(openFrame(next.bytes, expectedAsk, by).body, { n: 1 });
    });

    it('as an answer to another ask, from another than was asked, or to nothing', () => {
      const ask = world.sealed();
      const content = { type: 'request', kind: 'answer', to: operator, body: { n: 2 } } as const;
      const answer = world.sealBy(world.host)({ ...content, previous: ask.digest });
      const expected = { type: 'request', kind: 'answer', receiver: operator, body: bodyForm } as const;
      const mine: Expected<Body> = { ...expected, sender: alpha, previous: ask.digest };
      assert.deepEqual(world.open(answer.bytes, mine).body, { n: 2 });
      const other = { ...mine, previous: world.sealed().digest };
      assert.throws(() => world.open(answer.bytes, other), failing('previous', 'MESSAGE_MISDIRECTED'));
      const unbound = world.sealBy(world.host)(content);
      assert.throws(() => world.open(unbound.bytes, mine), failing('previous', 'MESSAGE_MISDIRECTED'));
      const fromClient = world.sealBy(world.client)({ ...content, previous: ask.digest });
      assert.throws(() => world.open(fromClient.bytes, mine), failing('subject', 'MESSAGE_MISDIRECTED'));
    });
  });

  describe('inside another one', () => {
    const expected: Expected<Body> = { type: 'request', kind: 'ask', receiver: alpha, body: bodyForm };

    it('is opened again by the next receiver, and names the same frame', () => {
      const frame = world.sealed();
      const by = world.receiver();
      for (let i = 0; i < 2; i++) {
        const opened = openEmbedded(frame.bytes, expected, by);
        assert.equal(opened.sender.name, 'operator');
        assert.ok(Buffer.from(opened.digest).equals(frame.digest));
      }
    });

    it('is refused when it was for another host than the one that carries it', () => {
      const carrier = { ...expected, receiver: { role: 'host', name: 'beta' } } as const;
      assert.throws(
        () => openEmbedded(world.sealed().bytes, carrier, world.receiver()),
        failing('receiver', 'MESSAGE_MISDIRECTED'),
      );
    });

    it('is refused when it is over, forged or without its form', () => {
      const frame = world.sealed({ lifetimeMs: 1000 });
      const late = world.receiver(nowMs + 1001 + limits.clockSkewMs);
      assert.throws(() => openEmbedded(frame.bytes, expected, late), failing('freshness', 'MESSAGE_STALE'));
      const forged = wrap(partsOf(frame.bytes).payload, world.stranger);
      assert.throws(() => openEmbedded(forged, expected, world.receiver()), failing('certificate', 'MESSAGE_FORGED'));
      const formless = world.sealed({ body: { n: 'one' } });
      assert.throws(
        () => openEmbedded(formless.bytes, expected, world.receiver()),
        failing('body', 'MESSAGE_MALFORMED'),
      );
    });
  });
});
