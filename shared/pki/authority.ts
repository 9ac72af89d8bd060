import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BrokerError } from '../errors/broker-error.ts';
import { principalName } from '../ids.ts';
import { check } from '../schema/schema.ts';
import { fingerprintOf, isKeyAccepted, readCertificate, signCertificate, urisOf } from './certificate.ts';
import { principal, type Role, uriOf } from './principal.ts';

const generate = promisify(generateKeyPair);

const authorityLifetimeMs = 10 * 365 * 24 * 3600_000;
/** A certificate is good a little before it was issued, for hosts whose clocks are behind. */
const backdatedMs = 5 * 60_000;

/** What to issue a certificate for. */
export interface IssueOptions {
  readonly role: Role;
  readonly name: string;
  /** RSA, 2048 to 4096 bits. */
  readonly publicKey: KeyObject;
  readonly nowMs: number;
  readonly lifetimeMs: number;
  /** DNS names and IP addresses of a host, for TLS. */
  readonly addresses?: readonly string[];
}

/** The fleet's certificate authority, with its key. */
export interface Authority {
  readonly fleet: string;
  readonly certificatePem: string;
  /** SHA-256 of the authority's certificate, in lower-case hex: what an enrolment token carries. */
  readonly fingerprint: string;
  /** Issues a certificate, as PEM. USAGE_INVALID for a name, key or lifetime that cannot be in one. */
  issue(options: IssueOptions): string;
}

/** The name of the authority itself, where a leaf has role and name. */
const authorityUri = (fleet: string) => `carnet://${fleet}/authority`;

/** The fleet an authority's certificate is for; nothing where it is not an authority's. */
export function fleetOf(certificatePem: string): string | undefined {
  const [uri = ''] = urisOf(readCertificate(certificatePem));
  return /^carnet:\/\/([a-z0-9-]+)\/authority$/.exec(uri)?.[1];
}

/** Makes a new authority: an RSA-3072 key and a certificate signed by itself, good for ten years. */
export async function createAuthority(about: { fleet: string; nowMs: number }): Promise<Authority> {
  if (!check(principalName, about.fleet).ok) {
    throw new BrokerError('USAGE_INVALID', `\`${about.fleet}\` is not a name for a fleet`);
  }
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 3072, publicExponent: 65537 });
  const certificatePem = signCertificate(
    {
      commonName: `carnet ${about.fleet}`,
      uri: authorityUri(about.fleet),
      publicKey,
      notBeforeMs: about.nowMs - backdatedMs,
      notAfterMs: about.nowMs + authorityLifetimeMs,
      addresses: [],
      isAuthority: true,
    },
    privateKey,
  );
  return withKey(about.fleet, certificatePem, privateKey);
}

const keys = new WeakMap<Authority, KeyObject>();

function withKey(fleet: string, certificatePem: string, privateKey: KeyObject): Authority {
  const certificate = readCertificate(certificatePem);
  const authority: Authority = {
    fleet,
    certificatePem,
    fingerprint: fingerprintOf(certificate.raw),
    issue({ role, name, publicKey, nowMs, lifetimeMs, addresses = [] }) {
      const named = check(principal, { role, name });
      if (!named.ok) throw new BrokerError('USAGE_INVALID', named.problems.join('; '));
      if (!isKeyAccepted(publicKey)) {
        throw new BrokerError('USAGE_INVALID', 'the public key is not RSA of 2048 to 4096 bits');
      }
      const notAfterMs = nowMs + lifetimeMs;
      if (lifetimeMs <= 0 || notAfterMs > certificate.validToDate.getTime()) {
        throw new BrokerError('USAGE_INVALID', 'a certificate must end after now and before its authority does');
      }
      return signCertificate(
        {
          commonName: name,
          uri: uriOf({ fleet, role, name }),
          publicKey,
          notBeforeMs: nowMs - backdatedMs,
          notAfterMs,
          addresses,
          isAuthority: false,
        },
        privateKey,
        certificate,
      );
    },
  };
  keys.set(authority, privateKey);
  return authority;
}

const file = { certificate: 'authority.pem', key: 'authority-key.pem' };

/** Writes an authority into a directory that only its owner can read. Refuses to replace one that is there. */
export async function saveAuthority(directory: string, authority: Authority): Promise<void> {
  const key = keys.get(authority);
  if (key === undefined) throw new Error('an authority without a key');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await writeFile(join(directory, file.key), key.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
      flag: 'wx',
    });
    await writeFile(join(directory, file.certificate), authority.certificatePem, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new BrokerError('CONFIG_INVALID', `the authority cannot be written into ${directory}: ${cause}`, {
      cause,
      hint: 'an authority is made once; choose an empty directory for a new one',
    });
  }
}

/** Reads what `saveAuthority` wrote. CONFIG_INVALID where it is not there or key and certificate differ. */
export async function loadAuthority(directory: string): Promise<Authority> {
  try {
    const certificatePem = await readFile(join(directory, file.certificate), 'utf8');
    const privateKey = createPrivateKey(await readFile(join(directory, file.key), 'utf8'));
    const fleet = fleetOf(certificatePem);
    if (fleet === undefined || !readCertificate(certificatePem).checkPrivateKey(privateKey)) {
      throw new Error('certificate and key do not belong together');
    }
    return withKey(fleet, certificatePem, privateKey);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('CONFIG_INVALID', `no authority can be read from ${directory}: ${why}`, {
      cause,
      hint: 'make one with `init` first',
    });
  }
}
