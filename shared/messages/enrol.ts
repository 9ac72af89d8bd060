import { createHash, randomBytes, sign } from 'node:crypto';
import type { Bus } from '../bus/bus.ts';
import { encode } from '../codec/codec.ts';
import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import { certificateToPem, fingerprintOf } from '../pki/certificate.ts';
import { createKeys, type Identity, identityFrom } from '../pki/identity.ts';
import { describePrincipal, type Role, samePrincipal } from '../pki/principal.ts';
import { askMac, enrolProtocol, enrolSubject, openAnswer, parseToken, provenBytes } from './enrol-form.ts';
import { pss } from './frame-seal.ts';

const timeoutMs = 15_000;

/**
 * Enrols over the bus: makes a key, which stays here, and gets it certified by the authority that made the token. The answer
 * is for `saveIdentity`. Rejects with USAGE_INVALID (token, role or name), MESSAGE_FORGED, MESSAGE_STALE (the token is used
 * or over) or BUS_*. A token serves one key: after a failure on the way the authority's operator makes another.
 */
export async function enrol(bus: Bus, token: string, role: Role, name: string): Promise<Identity> {
  const { id, secret, authorityFingerprint } = parseToken(token);
  const { publicKey, privateKey } = await createKeys();
  const claim = encode({
    protocol: enrolProtocol,
    token: id,
    role,
    name,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    nonce: randomBytes(limits.nonceBytes),
  });
  const proof = sign('sha256', provenBytes(claim), { key: privateKey, ...pss });
  const ask = encode({ v: 1, claim, proof, mac: askMac(secret, claim, proof) });
  const answer = openAnswer(secret, createHash('sha256').update(ask).digest(), await request(bus, id, ask));
  if (answer.is === 'failed') {
    const { code, message, hint } = answer.fault;
    throw new BrokerError(code, message, hint === undefined ? {} : { hint });
  }
  if (fingerprintOf(answer.authorityCertificate) !== authorityFingerprint) {
    throw new BrokerError('MESSAGE_FORGED', 'the answer names another authority than the token');
  }
  const identity = identityFrom(
    privateKey,
    certificateToPem(answer.certificate),
    certificateToPem(answer.authorityCertificate),
  );
  if (!samePrincipal(identity, { role, name })) {
    throw new BrokerError('MESSAGE_FORGED', `the certificate is for ${describePrincipal(identity)}`);
  }
  return identity;
}

/** The authority does not answer at all where it does not know the token. */
async function request(bus: Bus, id: string, ask: Uint8Array): Promise<Uint8Array> {
  try {
    return await bus.request(enrolSubject(id), ask, timeoutMs);
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'BUS_TIMEOUT') {
      throw new BrokerError('BUS_TIMEOUT', 'the authority did not answer', {
        hint: 'the token may be unknown to it: make a new one',
        cause: error,
      });
    }
    throw error;
  }
}
