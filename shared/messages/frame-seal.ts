import { constants, createHash, sign } from 'node:crypto';
import { encode } from '../codec/codec.ts';
import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import type { Identity } from '../pki/identity.ts';
import type { Principal } from '../pki/principal.ts';
import type { Clock } from '../time/clock.ts';
import { type FrameHeader, type FrameKind, protocol, saltBytes, signedPrefix } from './frame-form.ts';

/** What goes into a frame besides what the sealer knows itself. */
export interface FrameContent {
  readonly type: string;
  readonly kind: FrameKind;
  readonly to: Principal;
  readonly body: unknown;
  /** The digest of the frame this one answers. */
  readonly previous?: Uint8Array;
  /** How long it may be acted on, in ms; the limit where nothing is said. */
  readonly lifetimeMs?: number;
}

export interface SealedFrame {
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
  readonly header: FrameHeader;
}

/** Seals frames in the name of an identity. */
export type Seal = (content: FrameContent) => SealedFrame;

/** `random` answers with that many bytes nobody can guess. MESSAGE_MALFORMED for what is too large to send. */
export function createSeal(by: { identity: Identity; clock: Clock; random: (bytes: number) => Uint8Array }): Seal {
  const { identity, clock, random } = by;
  let sequence = 0;
  return ({ type, kind, to, body, previous = null, lifetimeMs = limits.messageLifetimeMs }) => {
    const issuedAtMs = clock.nowMs();
    // A count that starts at the clock goes on growing after a restart, as long as a frame a millisecond is not exceeded.
    sequence = Math.max(sequence + 1, issuedAtMs);
    const header: FrameHeader = {
      protocol,
      type,
      kind,
      from: { role: identity.role, name: identity.name },
      to: { role: to.role, name: to.name },
      sequence,
      nonce: random(limits.nonceBytes),
      issuedAtMs,
      expiresAtMs: issuedAtMs + lifetimeMs,
      previous,
    };
    const payload = encode({ ...header, body });
    const bytes = wrap(payload, identity);
    if (bytes.length > limits.frameBytes) {
      throw new BrokerError('MESSAGE_MALFORMED', `a ${type} message of ${bytes.length} bytes is too large to send`);
    }
    return { bytes, digest: digestOf(payload), header };
  };
}

/** The frame around a payload. */
export const wrap = (payload: Uint8Array, identity: Identity): Uint8Array =>
  encode({
    v: 1,
    payload,
    certificate: identity.certificateDer,
    signature: sign('sha256', signedBytes(payload), { key: identity.privateKey, ...pss }),
  });

export const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes } as const;
export const signedBytes = (payload: Uint8Array): Buffer => Buffer.concat([signedPrefix, payload]);
/** Names the frame that carries this payload. */
export const digestOf = (payload: Uint8Array): Uint8Array =>
  createHash('sha256').update(signedPrefix).update(payload).digest();
