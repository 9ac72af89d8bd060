import { sign, verify } from 'node:crypto';
import { decode, encode } from '../../shared/codec/codec.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import { limits } from '../../shared/limits.ts';
import { pss } from '../../shared/messages/frame-seal.ts';
import type { Identity } from '../../shared/pki/identity.ts';
import { samePrincipal } from '../../shared/pki/principal.ts';
import type { Trust } from '../../shared/pki/trust.ts';
import { bytes, check, fields, literal, type Schema } from '../../shared/schema/schema.ts';

/*
 * A job's record says for whom the scheduler acts, and the bus is not trusted to keep it unchanged: whoever could write
 * into the bucket could have anything done in anyone's name. So a scheduler signs what it keeps there, and takes nothing
 * else back.
 *
 *   value   { v: 1, payload, certificate, signature }                    MessagePack; the last three are bytes
 *   signed  "carnet/1 job record" 0x00 key 0x00 payload                  RSA-PSS, SHA-256, 32 bytes of salt
 */
const sealedForm = fields({
  v: literal(1),
  payload: bytes(limits.frameBytes),
  certificate: bytes(limits.certificateBytes),
  signature: bytes(limits.signatureBytes),
});

/** Seals what a scheduler keeps on the bus, and opens what a scheduler of the same name has sealed. */
export interface RecordSeal {
  seal(key: string, value: unknown): Uint8Array;
  /** MESSAGE_FORGED for what was not sealed under this key by such a scheduler, MESSAGE_MALFORMED for what has another form. */
  open<T>(key: string, sealed: Uint8Array, form: Schema<T>): T;
}

export function createRecordSeal(identity: Identity, trust: Trust): RecordSeal {
  const signed = (key: string, payload: Uint8Array) =>
    Buffer.concat([Buffer.from(`carnet/1 job record\0${key}\0`), payload]);
  return {
    seal(key, value) {
      const payload = encode(value);
      const signature = sign('sha256', signed(key, payload), { key: identity.privateKey, ...pss });
      return encode({ v: 1, payload, certificate: identity.certificateDer, signature });
    },
    open(key, sealed, form) {
      const { payload, certificate, signature } = formed(key, decode(sealed, limits.frameBytes), sealedForm);
      const signer = trust.verify(certificate);
      if (
        !samePrincipal(signer, identity) ||
        !verify('sha256', signed(key, payload), { key: signer.publicKey, ...pss }, signature)
      ) {
        throw new BrokerError('MESSAGE_FORGED', `the record of ${key} was not written by a scheduler of this fleet`);
      }
      return formed(key, decode(payload, limits.frameBytes), form);
    },
  };
}

function formed<T>(key: string, value: unknown, form: Schema<T>): T {
  const checked = check(form, value);
  if (!checked.ok) throw new BrokerError('MESSAGE_MALFORMED', `the record of ${key}: ${checked.problems.join('; ')}`);
  return checked.value as T;
}
