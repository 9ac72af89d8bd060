import assert from 'node:assert/strict';
import { constants, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { encode } from '../../../shared/codec/codec.ts';
import type { FaultCode } from '../../../shared/errors/codes.ts';
import { limits } from '../../../shared/limits.ts';
import { type FrameCheck, FrameError, frameChecks } from '../../../shared/messages/frame.ts';
import { wrap } from '../../../shared/messages/frame-seal.ts';
import { alpha, createFrameWorld, type FrameWorld, failing, nowMs, operator, partsOf } from './frame-world.ts';

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const whole = (payload: Uint8Array) => Buffer.concat([Buffer.from('carnet/1 frame\0'), payload]);

describe('a frame is refused', () => {
  let world: FrameWorld;
  before(async () => {
    world = await createFrameWorld();
  });

  type Case = readonly [what: string, check: FrameCheck, code: FaultCode, bytes: () => Uint8Array];
  const outer = (change: object) => encode({ ...partsOf(world.sealed().bytes), ...change });
  const header = (field: string, value: unknown): (() => Uint8Array) => {
    return () => world.signed((payload) => ({ ...payload, [field]: value }));
  };
  const without = (field: string) => () =>
    world.signed((payload) => Object.fromEntries(Object.entries(payload).filter(([key]) => key !== field)));
  const flipped = (field: 'payload' | 'signature' | 'certificate', at: number) => () => {
    const bytes = Buffer.from(partsOf(world.sealed().bytes)[field]);
    const i = at < 0 ? bytes.length + at : at;
    bytes.writeUInt8(bytes.readUInt8(i) ^ 1, i);
    return outer({ [field]: bytes });
  };
  const headerFields = ['protocol', 'type', 'kind', 'from', 'to', 'sequence', 'nonce', 'issuedAtMs', 'expiresAtMs'];

  it('not when it is signed the way the protocol says', () => {
    assert.deepEqual(world.open(signedOver(whole, pss)).body, { n: 1 });
  });

  const cases: readonly Case[] = [
    ['larger than a frame may be', 'size', 'MESSAGE_MALFORMED', () => Buffer.alloc(limits.frameBytes + 1)],
    ['empty', 'form', 'MESSAGE_MALFORMED', () => Buffer.alloc(0)],
    ['not MessagePack', 'form', 'MESSAGE_MALFORMED', () => Buffer.from([0xc1])],
    ['cut short', 'form', 'MESSAGE_MALFORMED', () => world.sealed().bytes.subarray(0, -1)],
    ['followed by more', 'form', 'MESSAGE_MALFORMED', () => Buffer.concat([world.sealed().bytes, Buffer.from([0])])],
    ['of another version', 'form', 'MESSAGE_MALFORMED', () => outer({ v: 2 })],
    ['given one field more', 'form', 'MESSAGE_MALFORMED', () => outer({ w: 1 })],
    ['without a signature', 'form', 'MESSAGE_MALFORMED', () => encode({ v: 1, payload: '', certificate: '' })],
    ['carrying text for bytes', 'form', 'MESSAGE_MALFORMED', () => outer({ payload: 'text' })],
    ['carrying too large a certificate', 'form', 'MESSAGE_MALFORMED', () => outer({ certificate: Buffer.alloc(9000) })],
    ['carrying too large a signature', 'form', 'MESSAGE_MALFORMED', () => outer({ signature: Buffer.alloc(2000) })],
    ['carrying no certificate', 'certificate', 'MESSAGE_FORGED', () => outer({ certificate: Buffer.alloc(0) })],
    ['carrying a changed certificate', 'certificate', 'MESSAGE_FORGED', flipped('certificate', 300)],
    ["carrying another fleet's certificate", 'certificate', 'MESSAGE_FORGED', () => wrap(payload(), world.stranger)],
    [
      "carrying another's certificate",
      'signature',
      'MESSAGE_FORGED',
      () => outer({ certificate: world.host.certificateDer }),
    ],
    ['signed by nobody', 'signature', 'MESSAGE_FORGED', () => outer({ signature: Buffer.alloc(256) })],
    ['changed at the start of its payload', 'signature', 'MESSAGE_FORGED', flipped('payload', 0)],
    ['changed at the end of its payload', 'signature', 'MESSAGE_FORGED', flipped('payload', -1)],
    ['changed at the start of its signature', 'signature', 'MESSAGE_FORGED', flipped('signature', 0)],
    ['changed at the end of its signature', 'signature', 'MESSAGE_FORGED', flipped('signature', -1)],
    ['signed as something else', 'signature', 'MESSAGE_FORGED', () => signedOver((bytes) => bytes, pss)],
    ['signed with a short salt', 'signature', 'MESSAGE_FORGED', () => signedOver(whole, { ...pss, saltLength: 0 })],
    ['signed in the older way', 'signature', 'MESSAGE_FORGED', () => signedOver(whole, {})],
    ['signed over no map', 'header', 'MESSAGE_MALFORMED', () => wrap(encode([1]), world.client)],
    ['signed over no MessagePack', 'header', 'MESSAGE_MALFORMED', () => wrap(Buffer.from([0xc1]), world.client)],
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
    it(what, () => assert.throws(() => world.open(bytes()), failing(check, code)));
  }

  it('whichever byte of it is changed', () => {
    const frame = Buffer.from(world.sealed().bytes);
    for (let i = 0; i < frame.length; i += 7) {
      const bytes = Buffer.from(frame);
      bytes.writeUInt8(bytes.readUInt8(i) ^ (1 << (i % 8)), i);
      assert.throws(() => world.open(bytes), FrameError, `byte ${i}`);
    }
  });

  it('for each check by a case above', () => {
    const covered = new Set<string>([...cases.map(([, check]) => check), 'subject', 'replay']);
    assert.deepEqual([...covered].sort(), [...frameChecks].sort());
  });

  const payload = () => partsOf(world.sealed().bytes).payload;
  /** A signature the client might have made over the same bytes for another purpose, or in another way. */
  function signedOver(bytes: (payload: Uint8Array) => Uint8Array, how: object): Uint8Array {
    const bare = payload();
    const signature = sign('sha256', bytes(bare), { key: world.client.privateKey, ...how });
    return encode({ v: 1, payload: bare, certificate: world.client.certificateDer, signature });
  }
});
