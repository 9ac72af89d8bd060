import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import { BrokerError } from '../errors/broker-error.ts';

/*
 * What node-forge is used for: putting certificates together and reading the one extension node:crypto only shows as text.
 * Keys, signatures and all checking are node:crypto's.
 */

/** A certificate to be signed. Times are in ms since the epoch; X.509 keeps whole seconds. */
export interface CertificateForm {
  readonly commonName: string;
  readonly uri: string;
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DNS names and IP addresses a TLS client may expect. */
  readonly addresses: readonly string[];
  readonly isAuthority: boolean;
}

/** Signs a certificate (RSA, SHA-256) and answers with it as PEM. Without `issuer` it is signed by its own key. */
export function signCertificate(form: CertificateForm, signer: KeyObject, issuer?: X509Certificate): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(form.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(form.notBeforeMs);
  certificate.validity.notAfter = new Date(form.notAfterMs);
  const subject = [{ name: 'commonName', value: form.commonName }];
  const issuing = issuer === undefined ? undefined : forge.pki.certificateFromPem(issuer.toString());
  certificate.setSubject(subject);
  certificate.setIssuer(issuing?.subject.attributes ?? subject);
  const keyIdentifier = (issuing ?? certificate).generateSubjectKeyIdentifier().getBytes();
  certificate.setExtensions([
    ...(form.isAuthority ? authorityUse : leafUse),
    { name: 'subjectAltName', altNames: [{ type: 6, value: form.uri }, ...form.addresses.map(altName)] },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier },
  ]);
  // forge asks the key it is given for the signature; this one answers with OpenSSL's, made in constant time.
  const key = {
    sign: () => {
      const signed = Buffer.from(forge.asn1.toDer(certificate.tbsCertificate).getBytes(), 'latin1');
      return sign('sha256', signed, signer).toString('latin1');
    },
  };
  certificate.sign(key as unknown as forge.pki.rsa.PrivateKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

const authorityUse = [
  { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
  { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
];
const leafUse = [
  { name: 'basicConstraints', cA: false, critical: true },
  { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
  { name: 'extKeyUsage', clientAuth: true, serverAuth: true },
];
const altName = (address: string) => (isIP(address) === 0 ? { type: 2, value: address } : { type: 7, ip: address });

/** The URIs a certificate names its holder by. Give it only certificates whose signature was verified. */
export function urisOf(certificate: X509Certificate): string[] {
  const form = forge.pki.certificateFromAsn1(forge.asn1.fromDer(certificate.raw.toString('latin1')));
  const names = form.extensions.filter((extension) => extension.name === 'subjectAltName');
  return names.flatMap((extension) =>
    (extension.altNames as { type: number; value: string }[])
      .filter(({ type }) => type === 6)
      .map(({ value }) => value),
  );
}

/** SHA-256 of a certificate's DER form, in lower-case hex. */
export const fingerprintOf = (certificateDer: Uint8Array): string =>
  createHash('sha256').update(certificateDer).digest('hex');

/** Whether a public key is one we take: RSA of 2048 to 4096 bits with the usual exponent. */
export function isKeyAccepted(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  return key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 4096 && publicExponent === 65537n;
}

/** Reads a public key that came from outside, in DER form; nothing where it is not one we take. */
export function readPublicKey(der: Uint8Array): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(der), type: 'spki', format: 'der' });
    return isKeyAccepted(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a certificate from PEM or DER. Throws what node:crypto throws. */
export const readCertificate = (form: string | Uint8Array): X509Certificate => new X509Certificate(form);

/** A certificate's DER form as PEM. MESSAGE_MALFORMED where it is none. */
export function certificateToPem(certificateDer: Uint8Array): string {
  try {
    return readCertificate(certificateDer).toString();
  } catch {
    throw new BrokerError('MESSAGE_MALFORMED', 'a certificate is not in DER form');
  }
}
