import { sign, verify } from 'node:crypto';
import { decode, encode } from '../codec/codec.ts';
import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import type { Identity } from '../pki/identity.ts';
import { describePrincipal, principal, samePrincipal } from '../pki/principal.ts';
import type { Trust, Verified } from '../pki/trust.ts';
import { bytes, check, fields, integer, literal, type Schema, text } from '../schema/schema.ts';
import { pss } from './frame-seal.ts';

/*
 * A record is what is kept rather than sent: an owner record, a host's facts, a checkpoint's manifest, a job. It is signed like a
 * frame but has no receiver and does not expire; it stays good when its writer's certificate has been renewed since. Its prefix
 * is another one, so that neither is ever taken for the other. Its name is signed too: a record that was put under another
 * key, or into another bucket, is not taken there.
 */

/** What a record is of, and which: `owner/web1`. */
export type RecordName = `${'owner' | 'host' | 'manifest' | 'job' | 'job-runs'}/${string}`;

const prefix = Buffer.from('carnet/1 record\0');

const outer = fields({
  v: literal(1),
  writtenAtMs: integer(0, Number.MAX_SAFE_INTEGER),
  payload: bytes(limits.manifestBytes),
  certificate: bytes(limits.certificateBytes),
  signature: bytes(limits.signatureBytes),
});

const header = {
  name: text(200),
  writer: principal,
};

/** Signs a record in the name of an identity. MESSAGE_MALFORMED for one that is too large to be read again. */
export function sealRecord(identity: Identity, name: RecordName, body: unknown, nowMs: number): Uint8Array {
  const writer = { role: identity.role, name: identity.name };
  const payload = encode({ name, writer, body });
  if (payload.length > limits.manifestBytes) {
    throw new BrokerError(
      'MESSAGE_MALFORMED',
      `the record ${name} has ${payload.length} bytes, at most ${limits.manifestBytes}`,
    );
  }
  const signature = sign('sha256', signedBytes(nowMs, payload), { key: identity.privateKey, ...pss });
  return encode({ v: 1, writtenAtMs: nowMs, payload, certificate: identity.certificateDer, signature });
}

/**
 * Opens a record. The signature is checked over the bytes as they are before anything of them is read. MESSAGE_FORGED
 * where the signature or the certificate is not good, MESSAGE_MALFORMED where the form is not the declared one.
 */
export function openRecord<Body>(
  record: Uint8Array,
  name: RecordName,
  body: Schema<Body>,
  trust: Trust,
): { body: Body; writer: Verified; writtenAtMs: number } {
  const outside = formOf(
    outer,
    decode(record, limits.manifestBytes + limits.certificateBytes + limits.signatureBytes + 64),
  );
  const { writtenAtMs, payload } = outside;
  const writer = trust.verify(outside.certificate, writtenAtMs);
  if (!verify('sha256', signedBytes(writtenAtMs, payload), { key: writer.publicKey, ...pss }, outside.signature)) {
    throw new BrokerError(
      'MESSAGE_FORGED',
      `the record ${name} does not carry the signature of ${describePrincipal(writer)}`,
    );
  }
  const inside = formOf(fields({ ...header, body }), decode(payload, limits.manifestBytes));
  if (inside.name !== name)
    throw new BrokerError('MESSAGE_FORGED', `the record ${inside.name} stands in the place of ${name}`);
  if (!samePrincipal(inside.writer, writer))
    throw new BrokerError('MESSAGE_FORGED', `the record ${name} names another writer than signed it`);
  return { body: inside.body as Body, writer, writtenAtMs };
}

function signedBytes(writtenAtMs: number, payload: Uint8Array): Uint8Array {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(writtenAtMs));
  return Buffer.concat([prefix, time, payload]);
}

function formOf<T>(schema: Schema<T>, value: unknown): T {
  const checked = check(schema, value);
  if (!checked.ok)
    throw new BrokerError('MESSAGE_MALFORMED', `a record does not have its form: ${checked.problems.join('; ')}`);
  return checked.value as T;
}
