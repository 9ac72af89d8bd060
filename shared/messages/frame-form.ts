import { BrokerError } from '../errors/broker-error.ts';
import type { FaultCode } from '../errors/codes.ts';
import { limits } from '../limits.ts';
import { principal } from '../pki/principal.ts';
import type { Verified } from '../pki/trust.ts';
import * as schema from '../schema/schema.ts';

/*
 * A frame is what travels: a payload, the certificate of whoever signed it, and the signature over the payload's bytes.
 * The payload says what it is, from whom and for whom, until when, and what it answers; then comes the body of the message.
 *
 *   frame    { v: 1, payload, certificate, signature }                     MessagePack; payload and the rest are bytes
 *   payload  { protocol, type, kind, from, to, sequence, nonce, issuedAtMs, expiresAtMs, previous, body }
 *   signed   "carnet/1 frame" 0x00 payload                                 RSA-PSS, SHA-256, 32 bytes of salt
 *   digest   SHA-256 of what is signed
 *
 * The digest names a frame: an answer carries the digest of what it answers. It is over what is signed, so a bus that wraps
 * the same payload differently makes no second frame of it.
 */

export const protocol = 'carnet/1';
/** Keeps a frame's signature from ever being taken for one over something else. */
export const signedPrefix = Buffer.from('carnet/1 frame\0');
export const saltBytes = 32;
const digestBytes = 32;

/** The outer form. */
export const frameForm = schema.fields({
  v: schema.literal(1),
  payload: schema.bytes(limits.frameBytes),
  certificate: schema.bytes(limits.certificateBytes),
  signature: schema.bytes(limits.signatureBytes),
});

const timeMs = schema.integer(0, Number.MAX_SAFE_INTEGER);

/** The payload without its body, which is for the schema of its type to check. */
export const headerForm = schema.fields({
  protocol: schema.literal(protocol),
  /** The name of the exchange or notice. */
  type: schema.pattern(/^[a-z][a-z0-9-]*$/, limits.nameLength, 'a message type'),
  kind: schema.oneOf(['ask', 'answer', 'notice']),
  from: principal,
  to: principal,
  /** Grows with every frame a sender seals, also across its restarts, so that a notice is never overtaken by an older one. */
  sequence: timeMs,
  nonce: schema.bytes(limits.nonceBytes, limits.nonceBytes),
  issuedAtMs: timeMs,
  expiresAtMs: timeMs,
  /** The digest of the frame this one answers. */
  previous: schema.nullable(schema.bytes(digestBytes, digestBytes)),
});
export type FrameHeader = schema.Shape<typeof headerForm>;
export type FrameKind = FrameHeader['kind'];

/** The checks a received frame goes through, in this order. */
export const frameChecks = [
  'size',
  'form',
  'certificate',
  'signature',
  'header',
  'sender',
  'type',
  'kind',
  'receiver',
  'subject',
  'previous',
  'freshness',
  'replay',
  'body',
] as const;
export type FrameCheck = (typeof frameChecks)[number];

/** A frame that did not pass, and the check it failed. `from` is known where the signature was good. */
export class FrameError extends BrokerError {
  readonly check: FrameCheck;
  readonly from: FrameOrigin | undefined;

  constructor(code: FaultCode, check: FrameCheck, sentence: string, from?: FrameOrigin) {
    super(code, sentence);
    this.name = 'FrameError';
    this.check = check;
    this.from = from;
  }
}

/** Who signed a frame, and which frame it is. */
export interface FrameOrigin {
  readonly sender: Verified;
  readonly digest: Uint8Array;
}
