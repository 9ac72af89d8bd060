import { createHmac, timingSafeEqual } from 'node:crypto';
import { decode, encode } from '../codec/codec.ts';
import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import { principal } from '../pki/principal.ts';
import { bytes, check, fields, literal, pattern, type Schema, type Shape, variant } from '../schema/schema.ts';
import { subjectOf } from './exchange.ts';
import { fault } from './fault.ts';

/*
 * Enrolment: how somebody without a certificate gets one over the bus. The authority's operator makes a token and hands it
 * over by a way of their own. It holds a secret and the digest of the authority's certificate, so that each side proves
 * itself to the other before either is trusted:
 *
 *   token    "carnet1" . id . secret . SHA-256 of the authority's certificate      the last two in base64url
 *   ask      { v: 1, claim, proof, mac }
 *   claim    { protocol, token, role, name, publicKey, nonce }
 *   proof    by the new key: RSA-PSS, SHA-256, over "carnet/1 enrol proof" 0x00 claim
 *   mac      HMAC-SHA-256 with the secret over "carnet/1 enrol ask" 0x00 claim proof
 *   answer   { v: 1, content, mac }, mac over "carnet/1 enrol answer" 0x00 SHA-256 of the ask, content
 *
 * The secret itself never travels.
 */

/** The name of the authority on the bus. */
export const authorityName = 'authority';
export const enrolProtocol = 'carnet/1 enrol';

/** What an enrolment token holds. */
export interface EnrolToken {
  readonly id: string;
  readonly secret: Uint8Array;
  /** SHA-256 of the authority's certificate, in lower-case hex. */
  readonly authorityFingerprint: string;
}

export const tokenId = pattern(/^[0-9a-f]{16}$/, 16, 'the id of a token');
export const secretBytes = 32;

export const formatToken = ({ id, secret, authorityFingerprint }: EnrolToken): string =>
  ['carnet1', id, base64url(secret), base64url(Buffer.from(authorityFingerprint, 'hex'))].join('.');

/** Reads a token. USAGE_INVALID for anything that is not exactly one; the message does not repeat it, as it is a secret. */
export function parseToken(text: string): EnrolToken {
  const [, id, secret, digest] = /^carnet1\.([0-9a-f]{16})\.([\w-]{43})\.([\w-]{43})$/.exec(text.trim()) ?? [];
  if (id === undefined || secret === undefined || digest === undefined) {
    throw new BrokerError('USAGE_INVALID', 'this is not an enrolment token', {
      hint: 'copy it whole from the output of the authority',
    });
  }
  return {
    id,
    secret: Buffer.from(secret, 'base64url'),
    authorityFingerprint: Buffer.from(digest, 'base64url').toString('hex'),
  };
}

const base64url = (data: Uint8Array) => Buffer.from(data).toString('base64url');

/** Where the holder of a token asks. */
export const enrolSubject = (id: string): string => subjectOf(authorityName, id, 'enrol');

/** Keys and certificates travel in DER form. */
export const claimForm = fields({
  protocol: literal(enrolProtocol),
  token: tokenId,
  ...principal.entries,
  publicKey: bytes(limits.certificateBytes),
  nonce: bytes(limits.nonceBytes, limits.nonceBytes),
});
export type EnrolClaim = Shape<typeof claimForm>;

export const askForm = fields({
  v: literal(1),
  claim: bytes(limits.frameBytes),
  proof: bytes(limits.signatureBytes),
  mac: bytes(32, 32),
});
export type EnrolAsk = Shape<typeof askForm>;

const contentForm = variant('is', [
  fields({
    is: literal('enrolled'),
    certificate: bytes(limits.certificateBytes),
    authorityCertificate: bytes(limits.certificateBytes),
  }),
  fields({ is: literal('failed'), fault }),
]);
export type EnrolContent = Shape<typeof contentForm>;

const answerForm = fields({ v: literal(1), content: bytes(limits.frameBytes), mac: bytes(32, 32) });

const prefix = { proof: 'carnet/1 enrol proof\0', ask: 'carnet/1 enrol ask\0', answer: 'carnet/1 enrol answer\0' };

/** What the new key signs. */
export const provenBytes = (claim: Uint8Array): Buffer => Buffer.concat([Buffer.from(prefix.proof), claim]);
export const askMac = (secret: Uint8Array, claim: Uint8Array, proof: Uint8Array): Buffer =>
  createHmac('sha256', secret).update(prefix.ask).update(claim).update(proof).digest();
const answerMac = (secret: Uint8Array, askDigest: Uint8Array, content: Uint8Array): Buffer =>
  createHmac('sha256', secret).update(prefix.answer).update(askDigest).update(content).digest();

/** The authority's answer to the ask with that SHA-256. */
export function sealAnswer(secret: Uint8Array, askDigest: Uint8Array, answer: EnrolContent): Uint8Array {
  const content = encode(answer);
  return encode({ v: 1, content, mac: answerMac(secret, askDigest, content) });
}

/** Opens an answer: MESSAGE_MALFORMED or MESSAGE_FORGED where it is not the token's authority's to that ask. */
export function openAnswer(secret: Uint8Array, askDigest: Uint8Array, data: Uint8Array): EnrolContent {
  const answer = read(answerForm, data);
  if (!timingSafeEqual(answerMac(secret, askDigest, answer.content), answer.mac)) {
    throw new BrokerError('MESSAGE_FORGED', 'the answer does not come from the authority that made the token');
  }
  return read(contentForm, answer.content);
}

/** Decodes and checks; MESSAGE_MALFORMED. */
export function read<T>(schema: Schema<T>, data: Uint8Array): T {
  const checked = check(schema, decode(data, limits.frameBytes));
  if (!checked.ok) {
    throw new BrokerError('MESSAGE_MALFORMED', `an enrolment does not have its form: ${checked.problems.join('; ')}`);
  }
  return checked.value as T;
}
