import assert from 'node:assert/strict';
import { constants, createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { answerEnrolment } from '../../../services/authority/enrolment.ts';
import { openRecords, type Records } from '../../../services/authority/records.ts';
import { createToken, type TokenOptions } from '../../../services/authority/tokens.ts';
import type { Bus } from '../../../shared/bus/bus.ts';
import { createMemoryHub } from '../../../shared/bus/memory.ts';
import { decode, encode } from '../../../shared/codec/codec.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { silentLogger } from '../../../shared/log/logger.ts';
import { enrol } from '../../../shared/messages/enrol.ts';
import { enrolSubject, formatToken, parseToken } from '../../../shared/messages/enrol-form.ts';
import { type Authority, createAuthority } from '../../../shared/pki/authority.ts';
import { readCertificate } from '../../../shared/pki/certificate.ts';
import { createTrust } from '../../../shared/pki/trust.ts';
import { openStore } from '../../../shared/store/store.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';

const startMs = Date.UTC(2026, 0, 1);
const hourMs = 3600_000;
const faultWith = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof BrokerError && error.code === code && message.test(error.message);

interface World {
  readonly records: Records;
  readonly clock: ManualClock;
  /** The connection of whoever enrols. What it sends can be changed on the way. */
  readonly bus: Bus;
  /** Every ask as the authority got it. */
  readonly asks: Uint8Array[];
  token(options?: Partial<TokenOptions>): string;
}

/** What happens to bytes on the way. */
interface Tamper {
  readonly ask?: (data: Uint8Array) => Uint8Array;
  readonly answer?: (data: Uint8Array) => Uint8Array;
}

describe('enrolment', { timeout: 60_000 }, () => {
  let authority: Authority;
  let impostor: Authority;
  before(async () => {
    authority = await createAuthority({ fleet: 'test', nowMs: startMs });
    impostor = await createAuthority({ fleet: 'test', nowMs: startMs });
  });

  async function withAuthority(
    act: (world: World) => Promise<void>,
    options: Tamper & { answering?: () => Authority } = {},
  ): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'carnet-authority-'));
    const store = openStore(directory);
    const records = openRecords(store);
    const clock = createManualClock(startMs);
    const hub = createMemoryHub(clock);
    const asks: Uint8Array[] = [];
    const by = { authority: options.answering?.() ?? authority, records, nowMs: clock.nowMs, log: silentLogger };
    hub.member().serve(enrolSubject('*'), async (sent, subject) => {
      const data = options.ask?.(sent) ?? sent;
      asks.push(data);
      const answer = answerEnrolment(data, subject.split('.')[3] ?? '', by);
      if (answer === undefined) queueMicrotask(() => clock.advance(60_000));
      return answer === undefined ? undefined : (options.answer?.(answer) ?? answer);
    });
    const token = (about: Partial<TokenOptions> = {}) => {
      const wanted: TokenOptions = {
        holder: { role: 'host', name: 'alpha' },
        addresses: ['localhost', '127.0.0.1'],
        nowMs: clock.nowMs(),
        lifetimeMs: hourMs,
        certificateLifetimeMs: 24 * hourMs,
        ...about,
      };
      return formatToken(createToken(records, authority, wanted, randomBytes));
    };
    try {
      await act({ records, clock, bus: hub.member(), asks, token });
    } finally {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    }
  }

  it('gives the holder of a token a certificate that the fleet trusts, with the addresses the operator set', () =>
    withAuthority(async ({ bus, token, clock, records }) => {
      const identity = await enrol(bus, token(), 'host', 'alpha');
      const trust = createTrust({ authorityCertificatePem: authority.certificatePem, clock });
      const { role, name, fleet } = trust.verify(identity.certificateDer);
      assert.deepEqual({ role, name, fleet }, { role: 'host', name: 'alpha', fleet: 'test' });
      assert.equal(identity.authorityCertificatePem, authority.certificatePem);
      const certificate = readCertificate(identity.certificateDer);
      assert.equal(certificate.checkHost('localhost'), 'localhost');
      assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
      assert.equal(records.holders.get('alpha')?.fingerprint, identity.certificateFingerprint);
    }));

  it('takes a token once', () =>
    withAuthority(async ({ bus, token }) => {
      const text = token();
      await enrol(bus, text, 'host', 'alpha');
      await assert.rejects(enrol(bus, text, 'host', 'alpha'), faultWith('MESSAGE_STALE', /used already/));
    }));

  it('serves one of two that ask with the same token at once', () =>
    withAuthority(async ({ bus, token }) => {
      const text = token();
      const outcomes = await Promise.allSettled([enrol(bus, text, 'host', 'alpha'), enrol(bus, text, 'host', 'alpha')]);
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    }));

  it('answers the same ask again with the same certificate, so that a lost answer is not a lost token', () =>
    withAuthority(async ({ bus, token, asks }) => {
      const text = token();
      const identity = await enrol(bus, text, 'host', 'alpha');
      const again = await bus.request(enrolSubject(parseToken(text).id), asks[0] ?? new Uint8Array(), 1000);
      const { content } = decode(again, 65536) as { content: Uint8Array };
      const { certificate } = decode(content, 65536) as { certificate: Uint8Array };
      assert.ok(Buffer.from(identity.certificateDer).equals(certificate));
    }));

  it('refuses a token that is over, and says so', () =>
    withAuthority(async ({ bus, token, clock }) => {
      const text = token();
      clock.advance(hourMs + 1);
      await assert.rejects(enrol(bus, text, 'host', 'alpha'), faultWith('MESSAGE_STALE', /is over/));
    }));

  it('refuses a token for another name or role', () =>
    withAuthority(async ({ bus, token }) => {
      const text = token();
      await assert.rejects(enrol(bus, text, 'client', 'alpha'), faultWith('USAGE_INVALID', /for host alpha/));
      await assert.rejects(enrol(bus, text, 'host', 'beta'), faultWith('USAGE_INVALID', /for host alpha/));
      await enrol(bus, text, 'host', 'alpha');
    }));

  it('gives no answer to who does not know the secret', () =>
    withAuthority(async ({ bus, token, asks }) => {
      const { id, authorityFingerprint } = parseToken(token());
      const guessed = formatToken({ id, secret: randomBytes(32), authorityFingerprint });
      await assert.rejects(enrol(bus, guessed, 'host', 'alpha'), faultWith('BUS_TIMEOUT', /did not answer/));
      const unknown = formatToken({ id: '0123456789abcdef', secret: randomBytes(32), authorityFingerprint });
      await assert.rejects(enrol(bus, unknown, 'host', 'alpha'), faultWith('BUS_TIMEOUT', /did not answer/));
      assert.equal(asks.length, 2);
    }));

  for (const field of ['claim', 'proof', 'mac'] as const) {
    it(`gives no answer to an ask whose ${field} was changed on the way`, () =>
      withAuthority(
        async ({ bus, token, records }) => {
          const text = token();
          await assert.rejects(enrol(bus, text, 'host', 'alpha'), faultWith('BUS_TIMEOUT', /did not answer/));
          assert.equal(records.tokens.get(parseToken(text).id)?.used, null);
        },
        { ask: (data) => flipped(data, field) },
      ));
  }

  it('refuses a key whose holder has not shown to have it, though the secret is known', () =>
    withAuthority(async ({ bus, token, asks, records }) => {
      const [first, second] = [token(), token({ holder: { role: 'host', name: 'beta' } })];
      await enrol(bus, first, 'host', 'alpha');
      const { claim } = decode(asks[0] ?? new Uint8Array(), 65536) as { claim: Uint8Array };
      const { id, secret } = parseToken(second);
      const stolen = encode({ ...(decode(claim, 65536) as object), token: id, name: 'beta' });
      const proof = Buffer.alloc(256, 1);
      const ask = encode({ v: 1, claim: stolen, proof, mac: macOf(secret, stolen, proof) });
      const answer = await bus.request(enrolSubject(id), ask, 1000);
      assert.match(Buffer.from(answer).toString('latin1'), /has not shown to have the private key/);
      assert.equal(records.tokens.get(id)?.used, null);
    }));

  it('does not take a claim under one token for another', () =>
    withAuthority(async ({ bus, token, asks }) => {
      const text = token();
      await enrol(bus, text, 'host', 'alpha');
      const other = parseToken(token());
      const { claim, proof } = decode(asks[0] ?? new Uint8Array(), 65536) as { claim: Uint8Array; proof: Uint8Array };
      const ask = encode({ v: 1, claim, proof, mac: macOf(other.secret, claim, proof) });
      const answer = await bus.request(enrolSubject(other.id), ask, 1000);
      assert.match(Buffer.from(answer).toString('latin1'), /the claim is for another token/);
    }));

  it('believes no answer that was changed on the way', () =>
    withAuthority(
      async ({ bus, token }) => {
        await assert.rejects(enrol(bus, token(), 'host', 'alpha'), faultWith('MESSAGE_FORGED', /made the token/));
      },
      { answer: (data) => flipped(data, 'content') },
    ));

  it('believes no answer to an earlier ask', () => {
    let earlier: Uint8Array | undefined;
    return withAuthority(
      async ({ bus, token }) => {
        const text = token();
        await enrol(bus, text, 'host', 'alpha');
        await assert.rejects(enrol(bus, text, 'host', 'alpha'), faultWith('MESSAGE_FORGED', /made the token/));
      },
      { answer: (data) => (earlier ??= data) },
    );
  });

  it('believes no other authority than the one the token names', () =>
    withAuthority(
      async ({ bus, token }) => {
        await assert.rejects(enrol(bus, token(), 'host', 'alpha'), faultWith('MESSAGE_FORGED', /another authority/));
      },
      { answering: () => impostor },
    ));

  it('takes no certificate for another name than it asked for', () =>
    withAuthority(
      async ({ bus, token }) => {
        await assert.rejects(enrol(bus, token(), 'host', 'alpha'), faultWith('MESSAGE_FORGED', /is for host beta/));
      },
      { answering: () => ({ ...authority, issue: (options) => authority.issue({ ...options, name: 'beta' }) }) },
    ));

  it('refuses a key of a kind or size that is not taken', () =>
    withAuthority(async ({ bus, token, asks, records }) => {
      const { id, secret } = parseToken(token());
      await enrol(bus, token(), 'host', 'alpha');
      const { claim } = decode(asks[0] ?? new Uint8Array(), 65536) as { claim: Uint8Array };
      const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
      const publicKey = small.publicKey.export({ type: 'spki', format: 'der' });
      const changed = encode({ ...(decode(claim, 65536) as object), token: id, publicKey });
      const proven = Buffer.concat([Buffer.from('carnet/1 enrol proof\0'), changed]);
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      const proof = sign('sha256', proven, { key: small.privateKey, ...pss });
      const ask = encode({ v: 1, claim: changed, proof, mac: macOf(secret, changed, proof) });
      const answer = await bus.request(enrolSubject(id), ask, 1000);
      assert.match(Buffer.from(answer).toString('latin1'), /not RSA of 2048 to 4096 bits/);
      assert.equal(records.tokens.get(id)?.used, null);
    }));

  it('makes no token for a name that has another role', () =>
    withAuthority(async ({ token }) => {
      token();
      assert.throws(
        () => token({ holder: { role: 'client', name: 'alpha' } }),
        faultWith('USAGE_INVALID', /host alpha/),
      );
      token();
    }));

  it('forgets tokens a day after they are over', () =>
    withAuthority(async ({ token, records, clock }) => {
      const old = parseToken(token()).id;
      clock.advance(20 * hourMs);
      token();
      assert.ok(records.tokens.get(old) !== undefined);
      clock.advance(6 * hourMs);
      token();
      assert.equal(records.tokens.get(old), undefined);
    }));

  it('refuses what is not a token without repeating it', () => {
    const good = formatToken({ id: '0123456789abcdef', secret: randomBytes(32), authorityFingerprint: '0'.repeat(64) });
    assert.equal(formatToken(parseToken(` ${good}\n`)), good);
    for (const text of ['', 'carnet1', good.slice(0, -1), `${good}x`, good.replace('carnet1', 'carnet2')]) {
      const isRefused = (error: unknown) =>
        error instanceof BrokerError &&
        error.code === 'USAGE_INVALID' &&
        (text === '' || !error.message.includes(text));
      assert.throws(() => parseToken(text), isRefused);
    }
  });
});

/** The ask or answer with one byte of one field changed. */
function flipped(data: Uint8Array, field: string): Uint8Array {
  const fields = decode(data, 1 << 20) as Record<string, Uint8Array | number>;
  const value = Buffer.from(fields[field] as Uint8Array);
  value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
  return encode({ ...fields, [field]: value });
}

/** HMAC written out, so that the test does not share the code it tests. */
function macOf(secret: Uint8Array, claim: Uint8Array, proof: Uint8Array): Uint8Array {
  const pad = (byte: number) => Buffer.from(Buffer.concat([secret], 64).map((value) => value ^ byte));
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  return sha256(pad(0x5c), sha256(pad(0x36), Buffer.from('carnet/1 enrol ask\0'), claim, proof));
}
