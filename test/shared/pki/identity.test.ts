import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type Authority, createAuthority, loadAuthority, saveAuthority } from '../../../shared/pki/authority.ts';
import { createIdentity, createKeys, identityFrom, loadIdentity, saveIdentity } from '../../../shared/pki/identity.ts';
import { principalOfUri, uriOf } from '../../../shared/pki/principal.ts';
import { createTestFleet, type TestFleet } from '../../support/pki.ts';

const isFault = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;
const dayMs = 86_400_000;

describe('authority and identity', () => {
  let directory: string;
  let fleet: TestFleet;
  let authority: Authority;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'carnet-pki-'));
    fleet = await createTestFleet();
    authority = fleet.authority;
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('keeps an authority across a save and a load, readable by its owner alone, and never replaces one', async () => {
    const at = join(directory, 'authority');
    await saveAuthority(at, authority);
    assert.equal((await stat(at)).mode & 0o777, 0o700);
    assert.equal((await stat(join(at, 'authority-key.pem'))).mode & 0o777, 0o600);
    const loaded = await loadAuthority(at);
    assert.deepEqual([loaded.fleet, loaded.fingerprint], [authority.fleet, authority.fingerprint]);
    const nowMs = Date.now();
    const identity = await createIdentity(loaded, { role: 'client', name: 'operator', nowMs, lifetimeMs: dayMs });
    assert.equal(fleet.trust().verify(identity.certificateDer).name, 'operator');
    await assert.rejects(saveAuthority(at, authority), isFault('CONFIG_INVALID'));
  });

  it('does not load an authority whose key is another one', async () => {
    const at = join(directory, 'mixed');
    await saveAuthority(at, authority);
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    await writeFile(join(at, 'authority-key.pem'), other.export({ type: 'pkcs8', format: 'pem' }));
    await assert.rejects(loadAuthority(at), isFault('CONFIG_INVALID'));
    await assert.rejects(loadAuthority(join(directory, 'nowhere')), isFault('CONFIG_INVALID'));
  });

  it('issues nothing for names, keys and lifetimes that cannot be in a certificate', async () => {
    const { publicKey } = await createKeys();
    const good = { role: 'host', name: 'alpha', publicKey, nowMs: Date.now(), lifetimeMs: dayMs } as const;
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const curve = generateKeyPairSync('ed25519').publicKey;
    const bad = [{ name: 'Alpha' }, { name: '' }, { name: 'a/b' }, { publicKey: small }, { publicKey: curve }];
    const lives = [{ lifetimeMs: 0 }, { lifetimeMs: -1 }, { lifetimeMs: 20 * 365 * dayMs }];
    for (const change of [...bad, ...lives]) {
      assert.throws(() => authority.issue({ ...good, ...change }), isFault('USAGE_INVALID'), JSON.stringify(change));
    }
    assert.match(authority.issue(good), /^-----BEGIN CERTIFICATE-----\n/);
    await assert.rejects(createAuthority({ fleet: 'a/b', nowMs: Date.now() }), isFault('USAGE_INVALID'));
  });

  it('keeps an identity across a save and a load, readable by its owner alone', async () => {
    const at = join(directory, 'alpha');
    const identity = await fleet.identity('host', 'alpha');
    await saveIdentity(at, identity);
    for (const name of ['key.pem', 'certificate.pem', 'authority.pem']) {
      assert.equal((await stat(join(at, name))).mode & 0o777, 0o600, name);
    }
    const { privateKey, ...loaded } = await loadIdentity(at);
    const { privateKey: saved, ...before } = identity;
    assert.deepEqual(loaded, before);
    assert.ok(createPublicKey(privateKey).equals(createPublicKey(saved)));
  });

  it('narrows the permissions of a key file that was there before', async () => {
    const at = join(directory, 'loose');
    await saveIdentity(at, await fleet.identity('host', 'alpha'));
    await chmod(join(at, 'key.pem'), 0o644);
    await saveIdentity(at, await fleet.identity('host', 'alpha'));
    assert.equal((await stat(join(at, 'key.pem'))).mode & 0o777, 0o600);
  });

  it('puts no identity together from parts that do not belong together', async () => {
    const [alpha, beta] = [await fleet.identity('host', 'alpha'), await fleet.identity('host', 'beta')];
    const stranger = await createAuthority({ fleet: 'test', nowMs: Date.now() });
    const { certificatePem, authorityCertificatePem, privateKey } = alpha;
    assert.equal(identityFrom(privateKey, certificatePem, authorityCertificatePem).name, 'alpha');
    const mixes = [
      () => identityFrom(beta.privateKey, certificatePem, authorityCertificatePem),
      () => identityFrom(privateKey, certificatePem, stranger.certificatePem),
    ];
    for (const mix of mixes) assert.throws(mix, isFault('CONFIG_INVALID'));
    await assert.rejects(loadIdentity(join(directory, 'nowhere')), isFault('CONFIG_INVALID'));
  });

  it('reads back the URI of every principal and nothing else', () => {
    const principal = { fleet: 'test', role: 'service', name: 'scheduler' } as const;
    assert.deepEqual(principalOfUri(uriOf(principal)), principal);
    for (const uri of [
      '',
      'carnet://test/host',
      'carnet://test/host/alpha/',
      ' carnet://test/host/a',
      'carnet://t/host/A',
    ]) {
      assert.equal(principalOfUri(uri), undefined, uri);
    }
  });
});
