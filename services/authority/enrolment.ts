import { createHash, timingSafeEqual, verify } from 'node:crypto';
import { BrokerError, faultOf } from '../../shared/errors/broker-error.ts';
import type { Logger } from '../../shared/log/logger.ts';
import {
  askForm,
  askMac,
  claimForm,
  type EnrolClaim,
  type EnrolContent,
  provenBytes,
  read,
  sealAnswer,
} from '../../shared/messages/enrol-form.ts';
import { pss } from '../../shared/messages/frame-seal.ts';
import type { Authority } from '../../shared/pki/authority.ts';
import { fingerprintOf, readCertificate, readPublicKey } from '../../shared/pki/certificate.ts';
import { describePrincipal, samePrincipal } from '../../shared/pki/principal.ts';
import type { Records, TokenRecord } from './records.ts';
import { claimName } from './tokens.ts';

export interface EnrolmentDependencies {
  readonly authority: Authority;
  readonly records: Records;
  readonly nowMs: () => number;
  readonly log: Logger;
}

/**
 * Answers one ask on the subject of a token, `tokenOnSubject`. Whoever does not show that they know the token's secret gets
 * no answer at all; whoever does is told what is wrong. A token serves one key: asked again for the same key, because
 * the answer was lost, it answers with the same certificate.
 */
export function answerEnrolment(
  data: Uint8Array,
  tokenOnSubject: string,
  by: EnrolmentDependencies,
): Uint8Array | undefined {
  let token: TokenRecord | undefined;
  let content: EnrolContent;
  try {
    const ask = read(askForm, data);
    token = authenticated(ask, tokenOnSubject, by.records);
    const claim = read(claimForm, ask.claim);
    const { certificate, isNew } = issueOnce(token.id, claim, ask, by);
    by.log.info(isNew ? 'enrolled' : 'answered an enrolment again', {
      holder: describePrincipal(claim),
      token: token.id,
      fingerprint: fingerprintOf(certificate),
    });
    content = { is: 'enrolled', certificate, authorityCertificate: readCertificate(by.authority.certificatePem).raw };
  } catch (error) {
    by.log.warn('an enrolment was not taken', { token: tokenOnSubject, fault: faultOf(error) });
    content = { is: 'failed', fault: faultOf(error) };
  }
  if (token === undefined) return undefined;
  return sealAnswer(token.secret, createHash('sha256').update(data).digest(), content);
}

/** The token whose secret the asker has shown to know. */
function authenticated(
  ask: { claim: Uint8Array; proof: Uint8Array; mac: Uint8Array },
  id: string,
  records: Records,
): TokenRecord {
  const token = records.tokens.get(id);
  if (token === undefined) throw new BrokerError('MESSAGE_FORGED', 'there is no such token');
  if (!timingSafeEqual(askMac(token.secret, ask.claim, ask.proof), ask.mac)) {
    throw new BrokerError('MESSAGE_FORGED', 'the ask was not made with the secret of the token');
  }
  return token;
}

/** Decides and records in one transaction, so that of two asks with one token a single one is served. */
function issueOnce(
  id: string,
  claim: EnrolClaim,
  ask: { claim: Uint8Array; proof: Uint8Array },
  { authority, records, nowMs }: EnrolmentDependencies,
): { certificate: Uint8Array; isNew: boolean } {
  const atMs = nowMs();
  const publicKey = readPublicKey(claim.publicKey);
  if (publicKey === undefined) {
    throw new BrokerError('USAGE_INVALID', 'the public key is not RSA of 2048 to 4096 bits');
  }
  if (!verify('sha256', provenBytes(ask.claim), { key: publicKey, ...pss }, ask.proof)) {
    throw new BrokerError('MESSAGE_FORGED', 'the asker has not shown to have the private key');
  }
  const keyDigest = createHash('sha256').update(claim.publicKey).digest('hex');
  return records.transaction(() => {
    const token = records.tokens.get(id);
    if (token === undefined || claim.token !== id) {
      throw new BrokerError('MESSAGE_MISDIRECTED', 'the claim is for another token');
    }
    if (token.expiresAtMs < atMs) throw new BrokerError('MESSAGE_STALE', 'the token is over', { hint: newToken });
    if (!samePrincipal(claim, token.holder)) {
      throw new BrokerError('USAGE_INVALID', `the token is for ${describePrincipal(token.holder)}`);
    }
    if (token.used !== null) {
      if (token.used.keyDigest === keyDigest) return { certificate: token.used.certificate, isNew: false };
      throw new BrokerError('MESSAGE_STALE', 'the token was used already', { hint: newToken });
    }
    claimName(records, token.holder);
    const { role, name } = token.holder;
    const lifetimeMs = token.certificateLifetimeMs;
    const pem = authority.issue({ role, name, publicKey, nowMs: atMs, lifetimeMs, addresses: token.addresses });
    const certificate = readCertificate(pem).raw;
    records.tokens.put(id, { ...token, used: { keyDigest, certificate, atMs } });
    const fingerprint = fingerprintOf(certificate);
    records.holders.put(name, { name, role, fingerprint, notAfterMs: atMs + lifetimeMs });
    return { certificate, isNew: true };
  });
}

const newToken = 'ask the operator of the authority for a new one';
