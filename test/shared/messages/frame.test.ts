import assert from 'node:assert/strict';
import { constants, randomBytes, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { decode, encode } from '../../../shared/codec/codec.ts';
import type { FaultCode } from '../../../shared/errors/codes.ts';
import { limits } from '../../../shared/limits.ts';
import {
  createSeal,
  createSeenNonces,
  type Expected,
  type FrameCheck,
  FrameError,
  frameChecks,
  openEmbedded,
  openFrame,
  type SealedFrame,
} from '../../../shared/messages/frame.ts';
import { wrap } from '../../../shared/messages/frame-seal.ts';
import type { Identity } from '../../../shared/pki/identity.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import { fields, integer } from '../../../shared/schema/schema.ts';
import { createTestClock } from '../../support/bus.ts';
import { createTestFleet, type TestFleet } from '../../support/pki.ts';

type Body = { n: number };
const bodyForm = fields({ n: integer(0, 10) });
const nowMs = Date.now();
const alpha = { role: 'host', name: 'alpha' } as const;
const operator = { role: 'client', name: 'operator' } as const;
const expectedAsk: Expected<Body> = {
  type: 'request',
  kind: 'ask',
  receiver: alpha,
  subjectSender: 'operator',
  body: bodyForm,
};

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const whole = (payload: Uint8Array) => Buffer.concat([Buffer.from('carnet/1 frame\0'), payload]);

const failing = (check: FrameCheck, code: FaultCode) => (error: unknown) => {
  assert.ok(error instanceof FrameError, String(error));
  assert.deepEqual([error.check, error.code], [check, code], error.message);
  return true;
};

describe('a frame', () => {
  let fleet: TestFleet;
  let client: Identity;
  let host: Identity;
  let stranger: Identity;
  let trust: Trust;

  before(async () => {
    fleet = await createTestFleet('test', nowMs);
    trust = fleet.trust(createTestClock(nowMs));
    client = await fleet.identity('client', 'operator');
    host = await fleet.identity('host', 'alpha');
    stranger = await (await createTestFleet('test', nowMs)).identity('client', 'operator');
  });

  const sealBy = (identity: Identity, atMs = nowMs) =>
    createSeal({ identity, clock: createTestClock(atMs), random: randomBytes });
  const sealed = (changes: { body?: unknown; lifetimeMs?: number } = {}, atMs = nowMs): SealedFrame =>
    sealBy(client, atMs)({ type: 'request', kind: 'ask', to: alpha, body: { n: 1 }, ...changes });
  const receiver = (atMs = nowMs) => ({ trust, clock: createTestClock(atMs), seen: createSeenNonces() });
  const open = (bytes: Uint8Array, expected: Expected<Body> = expectedAsk, atMs = nowMs) =>
    openFrame(bytes, expected, receiver(atMs));

  const parts = (bytes: Uint8Array) =>
    decode(bytes, limits.frameBytes) as Record<'payload' | 'certificate' | 'signature', Uint8Array>;
  const payloadOf = (bytes: Uint8Array) => decode(parts(bytes).payload, limits.frameBytes) as Record<string, unknown>;
  /** A frame the client signed properly, over a payload with that change. */
  const signed = (change: (payload: Record<string, unknown>) => unknown) =>
    wrap(encode(change(payloadOf(sealed().bytes))), client);

  it('arrives as it was sent, from whom it says', () => {
    const frame = sealed();
    const opened = open(frame.bytes);
    assert.deepEqual(opened.body, { n: 1 });
    assert.deepEqual(opened.header, { ...frame.header, nonce: Buffer.from(frame.header.nonce) });
    assert.equal(opened.sender.fingerprint, client.certificateFingerprint);
    assert.ok(Buffer.from(opened.digest).equals(frame.digest));
  });

  it('has a nonce of its own and a sequence that grows, also when the clock stands still or starts again', () => {
    const seal = sealBy(client);
    const content = { type: 'request', kind: 'ask', to: alpha, body: { n: 1 } } as const;
    const [one, two] = [seal(content), seal(content)];
    assert.ok(two.header.sequence > one.header.sequence);
    assert.notDeepEqual(one.header.nonce, two.header.nonce);
    assert.ok(sealBy(client, nowMs + 10)(content).header.sequence > two.header.sequence);
  });

  it('is named by what is signed, however it is wrapped', () => {
    const frame = sealed();
    const again = wrap(parts(frame.bytes).payload, client);
    assert.notDeepEqual(Buffer.from(again), Buffer.from(frame.bytes));
    assert.ok(Buffer.from(open(again).digest).equals(frame.digest));
  });

  it('is not sealed when it is too large to send', () => {
    const isTooLarge = { code: 'MESSAGE_MALFORMED', message: /too large to send/ };
    assert.throws(() => sealed({ body: { n: 'x'.repeat(limits.frameBytes) } }), isTooLarge);
  });

  describe('is refused', () => {
    type Case = readonly [what: string, check: FrameCheck, code: FaultCode, bytes: () => Uint8Array];
    const outer = (change: object) => encode({ ...parts(sealed().bytes), ...change });
    const header = (field: string, value: unknown): (() => Uint8Array) => {
      return () => signed((payload) => ({ ...payload, [field]: value }));
    };
    const without = (field: string) => () =>
      signed((payload) => Object.fromEntries(Object.entries(payload).filter(([key]) => key !== field)));
    const flipped = (field: 'payload' | 'signature' | 'certificate', at: number) => () => {
      const bytes = Buffer.from(parts(sealed().bytes)[field]);
      const i = at < 0 ? bytes.length + at : at;
      bytes.writeUInt8(bytes.readUInt8(i) ^ 1, i);
      return outer({ [field]: bytes });
    };
    const headerFields = ['protocol', 'type', 'kind', 'from', 'to', 'sequence', 'nonce', 'issuedAtMs', 'expiresAtMs'];

    it('not when it is signed the way the protocol says', () => {
      assert.deepEqual(open(signedOver(whole, pss)).body, { n: 1 });
    });

    const cases: readonly Case[] = [
      ['larger than a frame may be', 'size', 'MESSAGE_MALFORMED', () => Buffer.alloc(limits.frameBytes + 1)],
      ['empty', 'form', 'MESSAGE_MALFORMED', () => Buffer.alloc(0)],
      ['not MessagePack', 'form', 'MESSAGE_MALFORMED', () => Buffer.from([0xc1])],
      ['cut short', 'form', 'MESSAGE_MALFORMED', () => sealed().bytes.subarray(0, -1)],
      ['followed by more', 'form', 'MESSAGE_MALFORMED', () => Buffer.concat([sealed().bytes, Buffer.from([0])])],
      ['of another version', 'form', 'MESSAGE_MALFORMED', () => outer({ v: 2 })],
      ['given one field more', 'form', 'MESSAGE_MALFORMED', () => outer({ w: 1 })],
      ['without a signature', 'form', 'MESSAGE_MALFORMED', () => encode({ v: 1, payload: '', certificate: '' })],
      ['carrying text for bytes', 'form', 'MESSAGE_MALFORMED', () => outer({ payload: 'text' })],
      [
        'carrying too large a certificate',
        'form',
        'MESSAGE_MALFORMED',
        () => outer({ certificate: Buffer.alloc(9000) }),
      ],
      ['carrying too large a signature', 'form', 'MESSAGE_MALFORMED', () => outer({ signature: Buffer.alloc(2000) })],
      ['carrying no certificate', 'certificate', 'MESSAGE_FORGED', () => outer({ certificate: Buffer.alloc(0) })],
      ['carrying a changed certificate', 'certificate', 'MESSAGE_FORGED', flipped('certificate', 300)],
      ["carrying another fleet's certificate", 'certificate', 'MESSAGE_FORGED', () => wrap(payload(), stranger)],
      [
        "carrying another's certificate",
        'signature',
        'MESSAGE_FORGED',
        () => outer({ certificate: host.certificateDer }),
      ],
      ['signed by nobody', 'signature', 'MESSAGE_FORGED', () => outer({ signature: Buffer.alloc(256) })],
      ['changed at the start of its payload', 'signature', 'MESSAGE_FORGED', flipped('payload', 0)],
      ['changed at the end of its payload', 'signature', 'MESSAGE_FORGED', flipped('payload', -1)],
      ['changed at the start of its signature', 'signature', 'MESSAGE_FORGED', flipped('signature', 0)],
      ['changed at the end of its signature', 'signature', 'MESSAGE_FORGED', flipped('signature', -1)],
      ['signed as something else', 'signature', 'MESSAGE_FORGED', () => signedOver((bytes) => bytes, pss)],
      ['signed with a short salt', 'signature', 'MESSAGE_FORGED', () => signedOver(whole, { ...pss, saltLength: 0 })],
      ['signed in the older way', 'signature', 'MESSAGE_FORGED', () => signedOver(whole, {})],
      ['signed over no map', 'header', 'MESSAGE_MALFORMED', () => wrap(encode([1]), client)],
      ['signed over no MessagePack', 'header', 'MESSAGE_MALFORMED', () => wrap(Buffer.from([0xc1]), client)],
      ...[...headerFields, 'previous', 'body'].map(
        (field): Case => [`without ${field}`, 'header', 'MESSAGE_MALFORMED', without(field)],
      ),
      ['given one header field more', 'header', 'MESSAGE_MALFORMED', header('extra', 1)],
      ['of another protocol', 'header', 'MESSAGE_MALFORMED', header('protocol', 'carnet/2')],
      ['of no type', 'header', 'MESSAGE_MALFORMED', header('type', '')],
      ['of a kind there is not', 'header', 'MESSAGE_MALFORMED', header('kind', 'order')],
      ['from a role there is not', 'header', 'MESSAGE_MALFORMED', header('from', { role: 'king', name: 'operator' })],
      ['from a name that is none', 'header', 'MESSAGE_MALFORMED', header('from', { role: 'client', name: 'a.b' })],
      ['from more than a principal', 'header', 'MESSAGE_MALFORMED', header('from', { ...operator, fleet: 'test' })],
      ['to a name that is none', 'header', 'MESSAGE_MALFORMED', header('to', { role: 'host', name: '*' })],
      ['of a negative sequence', 'header', 'MESSAGE_MALFORMED', header('sequence', -1)],
      ['with a short nonce', 'header', 'MESSAGE_MALFORMED', header('nonce', Buffer.alloc(15))],
      ['with a long nonce', 'header', 'MESSAGE_MALFORMED', header('nonce', Buffer.alloc(17))],
      ['with a broken time', 'header', 'MESSAGE_MALFORMED', header('issuedAtMs', nowMs + 0.5)],
      ['with half a digest', 'header', 'MESSAGE_MALFORMED', header('previous', Buffer.alloc(16))],
      [
        'from another name than its certificate',
        'sender',
        'MESSAGE_FORGED',
        header('from', { ...operator, name: 'root' }),
      ],
      [
        'from another role than its certificate',
        'sender',
        'MESSAGE_FORGED',
        header('from', { ...operator, role: 'host' }),
      ],
      ['of another type', 'type', 'MESSAGE_MISDIRECTED', header('type', 'offer')],
      ['an answer where an ask is due', 'kind', 'MESSAGE_MISDIRECTED', header('kind', 'answer')],
      ['a notice where an ask is due', 'kind', 'MESSAGE_MISDIRECTED', header('kind', 'notice')],
      ['for another host', 'receiver', 'MESSAGE_MISDIRECTED', header('to', { ...alpha, name: 'beta' })],
      ['for another role of that name', 'receiver', 'MESSAGE_MISDIRECTED', header('to', { ...alpha, role: 'client' })],
      ['an ask that answers something', 'previous', 'MESSAGE_MISDIRECTED', header('previous', Buffer.alloc(32))],
      ['over before it began', 'freshness', 'MESSAGE_STALE', header('expiresAtMs', nowMs)],
      ['good for too long', 'freshness', 'MESSAGE_STALE', header('expiresAtMs', nowMs + limits.messageLifetimeMs + 1)],
      ['of a body without its form', 'body', 'MESSAGE_MALFORMED', header('body', { n: 11 })],
      ['of a body with a field more', 'body', 'MESSAGE_MALFORMED', header('body', { n: 1, m: 1 })],
      ['of no body', 'body', 'MESSAGE_MALFORMED', header('body', null)],
    ];
    for (const [what, check, code, bytes] of cases) {
      it(what, () => assert.throws(() => open(bytes()), failing(check, code)));
    }

    it('on a subject of another sender', () => {
      const onOther = { ...expectedAsk, subjectSender: 'monitor' };
      assert.throws(() => open(sealed().bytes, onOther), failing('subject', 'MESSAGE_MISDIRECTED'));
    });

    it('too late and too early, by more than two clocks may differ', () => {
      const frame = sealed({ lifetimeMs: 1000 });
      const lastMs = nowMs + 1000 + limits.clockSkewMs;
      const firstMs = nowMs - limits.clockSkewMs;
      for (const atMs of [firstMs, lastMs]) assert.deepEqual(open(frame.bytes, expectedAsk, atMs).body, { n: 1 });
      for (const atMs of [firstMs - 1, lastMs + 1]) {
        assert.throws(() => open(frame.bytes, expectedAsk, atMs), failing('freshness', 'MESSAGE_STALE'));
      }
    });

    it('the second time, also in another wrapping, as long as it could be fresh', () => {
      const clock = createTestClock(nowMs);
      const by = { trust, clock, seen: createSeenNonces() };
      const frame = sealed();
      openFrame(frame.bytes, expectedAsk, by);
      clock.advance(limits.messageLifetimeMs + limits.clockSkewMs);
      for (const bytes of [frame.bytes, wrap(parts(frame.bytes).payload, client)]) {
        assert.throws(() => openFrame(bytes, expectedAsk, by), failing('replay', 'MESSAGE_STALE'));
      }
      clock.advance(1);
      assert.throws(() => openFrame(frame.bytes, expectedAsk, by), failing('freshness', 'MESSAGE_STALE'));
    });

    it('when its sender has sent more than the receiver can remember, until the oldest can be fresh no more', () => {
      const clock = createTestClock(nowMs);
      const by = { trust, clock, seen: createSeenNonces({ perSenderMax: 1 }) };
      openFrame(sealed().bytes, expectedAsk, by);
      clock.advance(limits.messageLifetimeMs + limits.clockSkewMs);
      const next = sealed({}, clock.nowMs());
      assert.throws(() => openFrame(next.bytes, expectedAsk, by), failing('replay', 'MESSAGE_STALE'));
      clock.advance(1);
      assert.deepEqual(openFrame(next.bytes, expectedAsk, by).body, { n: 1 });
    });

    it('as an answer to another ask, from another than was asked, or to nothing', () => {
      const ask = sealed();
      const content = { type: 'request', kind: 'answer', to: operator, body: { n: 2 } } as const;
      const answer = sealBy(host)({ ...content, previous: ask.digest });
      const expected = { type: 'request', kind: 'answer', receiver: operator, body: bodyForm } as const;
      const mine: Expected<Body> = { ...expected, sender: alpha, previous: ask.digest };
      assert.deepEqual(open(answer.bytes, mine).body, { n: 2 });
      const other = { ...mine, previous: sealed().digest };
      assert.throws(() => open(answer.bytes, other), failing('previous', 'MESSAGE_MISDIRECTED'));
      const unbound = sealBy(host)(content);
      assert.throws(() => open(unbound.bytes, mine), failing('previous', 'MESSAGE_MISDIRECTED'));
      const fromClient = sealBy(client)({ ...content, previous: ask.digest });
      assert.throws(() => open(fromClient.bytes, mine), failing('subject', 'MESSAGE_MISDIRECTED'));
    });

    it('for each check by a case above', () => {
      const covered = new Set<string>([...cases.map(([, check]) => check), 'subject', 'replay']);
      assert.deepEqual([...covered].sort(), [...frameChecks].sort());
    });

    it('whichever byte of it is changed', () => {
      const frame = Buffer.from(sealed().bytes);
      for (let i = 0; i < frame.length; i += 7) {
        const bytes = Buffer.from(frame);
        bytes.writeUInt8(bytes.readUInt8(i) ^ (1 << (i % 8)), i);
        assert.throws(() => open(bytes), FrameError, `byte ${i}`);
      }
    });

    const payload = () => parts(sealed().bytes).payload;
    /** A signature the client might have made over the same bytes for another purpose, or in another way. */
    function signedOver(bytes: (payload: Uint8Array) => Uint8Array, how: object): Uint8Array {
      const bare = payload();
      const signature = sign('sha256', bytes(bare), { key: client.privateKey, ...how });
      return encode({ v: 1, payload: bare, certificate: client.certificateDer, signature });
    }
  });

  describe('inside another one', () => {
    const expected: Expected<Body> = { type: 'request', kind: 'ask', receiver: alpha, body: bodyForm };

    it('is opened again by the next receiver, and names the same frame', () => {
      const frame = sealed();
      const by = receiver();
      for (let i = 0; i < 2; i++) {
        const opened = openEmbedded(frame.bytes, expected, by);
        assert.equal(opened.sender.name, 'operator');
        assert.ok(Buffer.from(opened.digest).equals(frame.digest));
      }
    });

    it('is refused when it was for another host than the one that carries it', () => {
      const carrier = { ...expected, receiver: { role: 'host', name: 'beta' } } as const;
      assert.throws(
        () => openEmbedded(sealed().bytes, carrier, receiver()),
        failing('receiver', 'MESSAGE_MISDIRECTED'),
      );
    });

    it('is refused when it is over, forged or without its form', () => {
      const frame = sealed({ lifetimeMs: 1000 });
      const late = receiver(nowMs + 1001 + limits.clockSkewMs);
      assert.throws(() => openEmbedded(frame.bytes, expected, late), failing('freshness', 'MESSAGE_STALE'));
      const forged = wrap(parts(frame.bytes).payload, stranger);
      assert.throws(() => openEmbedded(forged, expected, receiver()), failing('certificate', 'MESSAGE_FORGED'));
      const formless = sealed({ body: { n: 'one' } });
      assert.throws(() => openEmbedded(formless.bytes, expected, receiver()), failing('body', 'MESSAGE_MALFORMED'));
    });
  });
});
