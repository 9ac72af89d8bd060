import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { decode, encode } from '../../../shared/codec/codec.ts';
import type { FaultCode } from '../../../shared/errors/codes.ts';
import { limits } from '../../../shared/limits.ts';
import {
  createSeal,
  createSeenNonces,
  type Expected,
  type FrameCheck,
  FrameError,
  openFrame,
  type SealedFrame,
} from '../../../shared/messages/frame.ts';
import { wrap } from '../../../shared/messages/frame-seal.ts';
import type { Identity } from '../../../shared/pki/identity.ts';
import { fields, integer } from '../../../shared/schema/schema.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createTestFleet } from '../../support/pki.ts';

export type Body = { n: number };
export const bodyForm = fields({ n: integer(0, 10) });
export const nowMs = Date.now();
export const alpha = { role: 'host', name: 'alpha' } as const;
export const operator = { role: 'client', name: 'operator' } as const;
/** What the host alpha is ready to take from the client operator. */
export const expectedAsk: Expected<Body> = {
  type: 'request',
  kind: 'ask',
  receiver: alpha,
  subjectSender: 'operator',
  body: bodyForm,
};

/** The check a frame fails, and the code it fails with. */
export const failing = (check: FrameCheck, code: FaultCode) => (error: unknown) => {
  assert.ok(error instanceof FrameError, String(error));
  assert.deepEqual([error.check, error.code], [check, code], error.message);
  return true;
};

/** The outer fields of a frame. */
export const partsOf = (bytes: Uint8Array) =>
  decode(bytes, limits.frameBytes) as Record<'payload' | 'certificate' | 'signature', Uint8Array>;

/** A client and a host of one fleet, a client of that name of another, and the frames they seal. */
export async function createFrameWorld() {
  const fleet = await createTestFleet('test', nowMs);
  const client = await fleet.identity('client', 'operator');
  const trust = fleet.trust(createManualClock(nowMs));
  const sealBy = (identity: Identity, atMs = nowMs) =>
    createSeal({ identity, clock: createManualClock(atMs), random: randomBytes });
  const sealed = (changes: { body?: unknown; lifetimeMs?: number } = {}, atMs = nowMs): SealedFrame =>
    sealBy(client, atMs)({ type: 'request', kind: 'ask', to: alpha, body: { n: 1 }, ...changes });
  const receiver = (atMs = nowMs) => ({ trust, clock: createManualClock(atMs), seen: createSeenNonces() });
  return {
    client,
    host: await fleet.identity('host', 'alpha'),
    stranger: await (await createTestFleet('test', nowMs)).identity('client', 'operator'),
    trust,
    sealBy,
    sealed,
    receiver,
    open: (bytes: Uint8Array, expected: Expected<Body> = expectedAsk, atMs = nowMs) =>
      openFrame(bytes, expected, receiver(atMs)),
    /** A frame the client signed properly, over a payload with that change. */
    signed(change: (payload: Record<string, unknown>) => unknown): Uint8Array {
      const payload = decode(partsOf(sealed().bytes).payload, limits.frameBytes) as Record<string, unknown>;
      return wrap(encode(change(payload)), client);
    },
  };
}
export type FrameWorld = Awaited<ReturnType<typeof createFrameWorld>>;
