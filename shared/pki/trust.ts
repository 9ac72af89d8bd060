import type { KeyObject, X509Certificate } from 'node:crypto';
import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import type { Clock } from '../time/clock.ts';
import { fleetOf } from './authority.ts';
import { fingerprintOf, isKeyAccepted, readCertificate, urisOf } from './certificate.ts';
import { type FleetPrincipal, principalOfUri } from './principal.ts';

/** Who a certificate proves its holder to be. */
export interface Verified extends FleetPrincipal {
  /** SHA-256 of the certificate's DER form, in lower-case hex. */
  readonly fingerprint: string;
  readonly publicKey: KeyObject;
  /** Until when the certificate is good, in ms since the epoch. */
  readonly notAfterMs: number;
}

/** Decides which certificates are of this fleet. */
export interface Trust {
  readonly fleet: string;
  /**
   * Answers who it is, or throws MESSAGE_FORGED with the check that failed. The certificate has to be good now; for what was
   * signed to be kept, at `atMs`, when that was, which is not in the future. A revoked one is good for nothing, whenever it signed.
   */
  verify(certificateDer: Uint8Array, atMs?: number): Verified;
}

const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const sha256WithRsa = '1.2.840.113549.1.1.11';
const cachedMax = 1024;

/**
 * Trust in the authority with that certificate. `revoked` names the fingerprints that are good no more; it is asked every
 * time, as are the dates: only the costly part, chain and signature, is remembered.
 */
export function createTrust(options: {
  authorityCertificatePem: string;
  clock: Clock;
  revoked?: () => ReadonlySet<string>;
}): Trust {
  const authority = readCertificate(options.authorityCertificatePem);
  const fleet = fleetOf(options.authorityCertificatePem);
  if (fleet === undefined || !authority.ca || !authority.verify(authority.publicKey)) {
    throw new BrokerError('CONFIG_INVALID', "the authority's certificate is not one of a fleet's authority");
  }
  const cached = new Map<string, { verified: Verified; certificate: X509Certificate }>();

  function verifyOnce(certificateDer: Uint8Array, fingerprint: string) {
    const known = cached.get(fingerprint);
    if (known !== undefined) return known;
    const certificate = parse(certificateDer);
    const verified = { ...holderOf(certificate, authority, fleet ?? ''), fingerprint };
    const oldest = cached.keys().next().value;
    if (cached.size >= cachedMax && oldest !== undefined) cached.delete(oldest);
    cached.set(fingerprint, { verified, certificate });
    return { verified, certificate };
  }

  return {
    fleet,
    verify(certificateDer, atMs = options.clock.nowMs()) {
      if (certificateDer.length > limits.certificateBytes) throw forged('is too large');
      const fingerprint = fingerprintOf(certificateDer);
      const { verified, certificate } = verifyOnce(certificateDer, fingerprint);
      if (atMs > options.clock.nowMs() + limits.clockSkewMs) throw forged('is said to have signed in the future');
      requireInTime(authority, atMs, "authority's certificate");
      requireInTime(certificate, atMs, 'certificate');
      if (options.revoked?.().has(fingerprint) === true) throw forged('was revoked');
      return verified;
    },
  };
}

const forged = (why: string) => new BrokerError('MESSAGE_FORGED', `the sender's certificate ${why}`);

function parse(certificateDer: Uint8Array): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = readCertificate(certificateDer);
  } catch {
    throw forged('is not an X.509 certificate');
  }
  // One holder, one form: bytes after the certificate would give it a second fingerprint, past a revocation.
  if (!certificate.raw.equals(certificateDer)) throw forged('is not in DER form');
  return certificate;
}

/** Every check that does not depend on when it is made. */
function holderOf(
  certificate: X509Certificate,
  authority: X509Certificate,
  fleet: string,
): Omit<Verified, 'fingerprint'> {
  if (!certificate.checkIssued(authority)) throw forged('was not issued by the authority of this fleet');
  if (certificate.signatureAlgorithmOid !== sha256WithRsa) throw forged('is not signed with SHA-256 and RSA');
  if (!certificate.verify(authority.publicKey)) throw forged('does not carry a valid signature of the authority');
  if (certificate.ca) throw forged("is an authority's, which signs no messages");
  const uses = new Set(certificate.keyUsage);
  if (!uses.has(clientAuth) || !uses.has(serverAuth)) {
    throw forged('is not for client and server authentication');
  }
  if (!isKeyAccepted(certificate.publicKey)) throw forged('holds a key of a kind or size that is not taken');
  const uris = urisOf(certificate);
  const principal = uris.length === 1 ? principalOfUri(uris[0] ?? '') : undefined;
  if (principal === undefined) throw forged('does not name exactly one host, client or service');
  if (principal.fleet !== fleet) throw forged('is of another fleet');
  if (certificate.subject !== `CN=${principal.name}`) throw forged('names two different holders');
  return { ...principal, publicKey: certificate.publicKey, notAfterMs: certificate.validToDate.getTime() };
}

function requireInTime(certificate: X509Certificate, nowMs: number, what: string): void {
  if (nowMs < certificate.validFromDate.getTime()) {
    throw new BrokerError('MESSAGE_FORGED', `the sender's ${what} is not valid yet`);
  }
  if (nowMs > certificate.validToDate.getTime()) {
    throw new BrokerError('MESSAGE_FORGED', `the sender's ${what} has expired`);
  }
}
