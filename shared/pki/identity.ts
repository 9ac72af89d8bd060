import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BrokerError } from '../errors/broker-error.ts';
import type { Authority, IssueOptions } from './authority.ts';
import { fingerprintOf, readCertificate, urisOf } from './certificate.ts';
import { principalOfUri, type Role } from './principal.ts';

const generate = promisify(generateKeyPair);

/** Who a process is, and the key that proves it. */
export interface Identity {
  readonly role: Role;
  readonly name: string;
  readonly fleet: string;
  readonly certificatePem: string;
  readonly certificateDer: Uint8Array;
  /** SHA-256 of the DER form, in lower-case hex. */
  readonly certificateFingerprint: string;
  /** The fleet's authority: who this identity's holder trusts. */
  readonly authorityCertificatePem: string;
  readonly privateKey: KeyObject;
}

/** A new RSA-2048 key pair, made by node:crypto off the main thread. */
export const createKeys = (): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> =>
  generate('rsa', { modulusLength: 2048, publicExponent: 65537 });

/** A new key and its certificate, where the authority is at hand. Elsewhere `enrol` asks for one over the bus. */
export async function createIdentity(authority: Authority, about: Omit<IssueOptions, 'publicKey'>): Promise<Identity> {
  const { publicKey, privateKey } = await createKeys();
  return identityFrom(privateKey, authority.issue({ ...about, publicKey }), authority.certificatePem);
}

/**
 * Puts key and certificate together. CONFIG_INVALID where they do not belong together or the certificate is not an
 * identity. Whether it is still good is for whoever receives its signatures to say.
 */
export function identityFrom(privateKey: KeyObject, certificatePem: string, authorityCertificatePem: string): Identity {
  const certificate = readCertificate(certificatePem);
  const authority = readCertificate(authorityCertificatePem);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new BrokerError('CONFIG_INVALID', 'the private key is not the one the certificate was issued for');
  }
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    throw new BrokerError('CONFIG_INVALID', 'the certificate was not issued by the authority stored beside it');
  }
  const principals = urisOf(certificate).map(principalOfUri);
  const principal = principals[0];
  if (principals.length !== 1 || principal === undefined) {
    throw new BrokerError('CONFIG_INVALID', 'the certificate does not name a host, client or service');
  }
  return {
    ...principal,
    certificatePem,
    certificateDer: certificate.raw,
    certificateFingerprint: fingerprintOf(certificate.raw),
    authorityCertificatePem,
    privateKey,
  };
}

const file = { certificate: 'certificate.pem', authority: 'authority.pem', key: 'key.pem' };

/** Writes an identity into a directory that only its owner can read, replacing what is there. */
export async function saveIdentity(directory: string, identity: Identity): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const key = identity.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await replaceFile(join(directory, file.key), key);
  await replaceFile(join(directory, file.authority), identity.authorityCertificatePem);
  await replaceFile(join(directory, file.certificate), identity.certificatePem);
}

/** Whatever was there, with whatever permissions, the new file is whole and its owner's alone. */
async function replaceFile(path: string, content: string): Promise<void> {
  const beside = `${path}.new`;
  await rm(beside, { force: true });
  await writeFile(beside, content, { mode: 0o600, flag: 'wx', flush: true });
  await rename(beside, path);
}

/** Reads what `saveIdentity` wrote. CONFIG_INVALID where it is not there or not whole. */
export async function loadIdentity(directory: string): Promise<Identity> {
  try {
    const [key, certificate, authority] = await Promise.all([
      readFile(join(directory, file.key), 'utf8'),
      readFile(join(directory, file.certificate), 'utf8'),
      readFile(join(directory, file.authority), 'utf8'),
    ]);
    return identityFrom(createPrivateKey(key), certificate, authority);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('CONFIG_INVALID', `no identity can be read from ${directory}: ${why}`, {
      cause,
      hint: 'enrol with a token from the authority first',
    });
  }
}
