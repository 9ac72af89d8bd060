import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import {
  type CertificateForm,
  fingerprintOf,
  readCertificate,
  signCertificate,
} from '../../../shared/pki/certificate.ts';
import { createTrust, type Trust } from '../../../shared/pki/trust.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);
const keys = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const [authorityKeys, otherKeys, leafKeys] = [keys(), keys(), keys()];

const authorityForm: CertificateForm = {
  commonName: 'carnet test',
  uri: 'carnet://test/authority',
  publicKey: authorityKeys.publicKey,
  notBeforeMs: startMs,
  notAfterMs: startMs + 30 * dayMs,
  addresses: [],
  isAuthority: true,
};
const leafForm: CertificateForm = {
  commonName: 'alpha',
  uri: 'carnet://test/host/alpha',
  publicKey: leafKeys.publicKey,
  notBeforeMs: startMs,
  notAfterMs: startMs + 10 * dayMs,
  addresses: ['localhost'],
  isAuthority: false,
};
const authorityPem = signCertificate(authorityForm, authorityKeys.privateKey);
const authority = readCertificate(authorityPem);

const issue = (changes: Partial<CertificateForm> = {}, signer: KeyObject = authorityKeys.privateKey): Buffer =>
  readCertificate(signCertificate({ ...leafForm, ...changes }, signer, authority)).raw;
const trustAt = (nowMs: number, revoked?: () => ReadonlySet<string>): Trust =>
  createTrust({
    authorityCertificatePem: authorityPem,
    clock: createManualClock(nowMs),
    ...(revoked === undefined ? {} : { revoked }),
  });
const isForged = (why: RegExp) => (error: unknown) =>
  error instanceof BrokerError && error.code === 'MESSAGE_FORGED' && why.test(error.message);

/** An object identifier as it stands in a certificate. */
const oid = {
  subjectAltName: Buffer.from('0603551d11', 'hex'),
  extKeyUsage: Buffer.from('0603551d25', 'hex'),
  unused: Buffer.from('0603551d63', 'hex'),
  clientAuth: Buffer.from('06082b06010505070302', 'hex'),
  serverAuth: Buffer.from('06082b06010505070301', 'hex'),
  codeSigning: Buffer.from('06082b06010505070303', 'hex'),
  sha256WithRsa: Buffer.from('06092a864886f70d01010b', 'hex'),
  sha1WithRsa: Buffer.from('06092a864886f70d010105', 'hex'),
};

/** The certificate with some bytes replaced by as many others, and signed by the authority again. */
function edited(certificate: Buffer, from: Buffer, to: Buffer, digest = 'sha256'): Buffer {
  assert.equal(from.length, to.length);
  const edit = Buffer.from(certificate);
  let found = 0;
  for (let at = edit.indexOf(from); at >= 0; at = edit.indexOf(from, at + 1)) found += to.copy(edit, at);
  assert.ok(found > 0, 'nothing to edit');
  // Certificate and TBSCertificate are sequences with a length of two bytes; the signature is the last 256 bytes.
  const tbs = edit.subarray(4, 8 + edit.readUInt16BE(6));
  sign(digest, tbs, authorityKeys.privateKey).copy(edit, edit.length - 256);
  return edit;
}

describe('trust', () => {
  const now = startMs + dayMs;

  it('says who holds a certificate of the fleet', () => {
    const der = issue();
    const { role, name, fleet, fingerprint, publicKey, notAfterMs } = trustAt(now).verify(der);
    assert.deepEqual({ role, name, fleet }, { role: 'host', name: 'alpha', fleet: 'test' });
    assert.equal(fingerprint, fingerprintOf(der));
    assert.ok(publicKey.equals(leafKeys.publicKey));
    assert.equal(notAfterMs, startMs + 10 * dayMs);
  });

  it('takes an edited certificate that is in order, so that the edits below are refused for what they change', () => {
    const der = edited(issue(), Buffer.from('localhost'), Buffer.from('localhoss'));
    assert.equal(trustAt(now).verify(der).name, 'alpha');
  });

  const twoUris = () => {
    const der = issue({ addresses: ['carnet://test/host/beta'] });
    const tagged = (tag: number) => Buffer.concat([Buffer.from([tag, 23]), Buffer.from('carnet://test/host/beta')]);
    return edited(der, tagged(0x82), tagged(0x86));
  };
  const smallKeys = () => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const oddKeys = () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey;
  const bad: readonly [what: string, der: () => Uint8Array, why: RegExp][] = [
    ['nothing', () => Buffer.alloc(0), /not an X.509/],
    ['bytes that are no certificate', () => Buffer.from('30820003020101', 'hex'), /not an X.509/],
    ['one with bytes after it', () => Buffer.concat([issue(), Buffer.from([0])]), /not in DER form/],
    ['one in PEM form', () => Buffer.from(signCertificate(leafForm, authorityKeys.privateKey, authority)), /DER form/],
    ['one that is too large', () => issue({ addresses: Array(40).fill('x'.repeat(250)) }), /too large/],
    ['one of another authority', () => fromOther(), /not issued by the authority/],
    ['one that its own key signed', () => issue({}, leafKeys.privateKey), /valid signature of the authority/],
    ['one with a changed byte', () => flipped(issue(), 'alpha'), /valid signature|two different/],
    ['one signed with SHA-1', () => edited(issue(), oid.sha256WithRsa, oid.sha1WithRsa, 'sha1'), /SHA-256/],
    ["an authority's", () => issue({ isAuthority: true }), /is an authority's/],
    ["the authority's own", () => authority.raw, /is an authority's/],
    ['one without a use', () => edited(issue(), oid.extKeyUsage, oid.unused), /authentication/],
    ['one for servers only', () => edited(issue(), oid.clientAuth, oid.serverAuth), /authentication/],
    ['one for servers and signing code', () => edited(issue(), oid.clientAuth, oid.codeSigning), /authentication/],
    ['one for clients and signing code', () => edited(issue(), oid.serverAuth, oid.codeSigning), /authentication/],
    ['one with a small key', () => issue({ publicKey: smallKeys() }), /kind or size/],
    ['one with an odd exponent', () => issue({ publicKey: oddKeys() }), /kind or size/],
    ['one without a name', () => edited(issue(), oid.subjectAltName, oid.unused), /exactly one/],
    ['one with two names', twoUris, /exactly one/],
    ['one with a name of another form', () => issue({ uri: 'https://test/host/alpha' }), /exactly one/],
    ['one with a longer name', () => issue({ uri: 'carnet://test/host/alpha/x' }), /exactly one/],
    ['one of a role there is not', () => issue({ uri: 'carnet://test/king/alpha' }), /exactly one/],
    ['one whose name is not one', () => issue({ uri: 'carnet://test/host/al.pha' }), /exactly one/],
    ['one of another fleet', () => issue({ uri: 'carnet://best/host/alpha' }), /another fleet/],
    ['one whose common name differs', () => issue({ commonName: 'beta' }), /two different holders/],
  ];
  for (const [what, der, why] of bad) {
    it(`refuses ${what}`, () => assert.throws(() => trustAt(now).verify(der()), isForged(why)));
  }

  it('refuses one that is not valid yet, and one that has expired, also when it was good a moment ago', () => {
    const clock = createManualClock(startMs - 1);
    const trust = createTrust({ authorityCertificatePem: authorityPem, clock });
    const der = issue({ notBeforeMs: startMs + dayMs });
    clock.advance(1);
    assert.throws(() => trust.verify(der), isForged(/sender's certificate is not valid yet/));
    clock.advance(dayMs);
    assert.equal(trust.verify(der).name, 'alpha');
    clock.advance(9 * dayMs);
    assert.equal(trust.verify(der).name, 'alpha');
    clock.advance(1);
    assert.throws(() => trust.verify(der), isForged(/has expired/));
  });

  it('refuses all when the authority itself has expired', () => {
    const der = issue({ notAfterMs: startMs + 90 * dayMs });
    assert.equal(trustAt(startMs + 29 * dayMs).verify(der).name, 'alpha');
    assert.throws(() => trustAt(startMs + 31 * dayMs).verify(der), isForged(/authority's certificate has expired/));
  });

  it('refuses a revoked certificate at once, also when it was good a moment ago', () => {
    const revoked = new Set<string>();
    const trust = trustAt(now, () => revoked);
    const der = issue();
    trust.verify(der);
    revoked.add(fingerprintOf(der));
    assert.throws(() => trust.verify(der), isForged(/revoked/));
    assert.equal(trust.verify(issue()).name, 'alpha');
  });

  it('trusts in nothing but an authority', () => {
    const clock = createManualClock(now);
    const self = signCertificate({ ...authorityForm, isAuthority: false }, authorityKeys.privateKey);
    const leaf = readCertificate(issue()).toString();
    for (const authorityCertificatePem of [leaf, self]) {
      const isRefused = (error: unknown) => error instanceof BrokerError && error.code === 'CONFIG_INVALID';
      assert.throws(() => createTrust({ authorityCertificatePem, clock }), isRefused);
    }
  });

  function fromOther(): Buffer {
    const other = signCertificate({ ...authorityForm, publicKey: otherKeys.publicKey }, otherKeys.privateKey);
    return readCertificate(signCertificate(leafForm, otherKeys.privateKey, readCertificate(other))).raw;
  }

  function flipped(der: Buffer, at: string): Buffer {
    der.writeUInt8(der.readUInt8(der.lastIndexOf(at)) ^ 1, der.lastIndexOf(at));
    return der;
  }
});
