import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { decode, encode } from '../../../shared/codec/codec.ts';
import { openRecord, sealRecord } from '../../../shared/messages/record-seal.ts';
import type { Identity } from '../../../shared/pki/identity.ts';
import { createTrust } from '../../../shared/pki/trust.ts';
import { fields, integer } from '../../../shared/schema/schema.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createTestFleet, type TestFleet } from '../../support/pki.ts';

const startMs = 1_800_000_000_000;
const dayMs = 86_400_000;
const body = fields({ epoch: integer(0, 10) });
let fleet: TestFleet;
let alpha: Identity;

before(async () => {
  fleet = await createTestFleet('test', startMs);
  alpha = await fleet.identity('host', 'alpha');
});

const trustAt = (nowMs: number, revoked: string[] = []) =>
  createTrust({
    authorityCertificatePem: fleet.authority.certificatePem,
    clock: createManualClock(nowMs),
    revoked: () => new Set(revoked),
  });
const sealed = (nowMs = startMs) => sealRecord(alpha, 'owner/web1', { epoch: 3 }, nowMs);

test('a record opens to what was sealed, by whom and when', () => {
  const opened = openRecord(sealed(), 'owner/web1', body, trustAt(startMs));
  assert.deepEqual([opened.body, opened.writer.name, opened.writtenAtMs], [{ epoch: 3 }, 'alpha', startMs]);
});

test('a record stays good when the certificate it was signed with is over', () => {
  assert.deepEqual(openRecord(sealed(), 'owner/web1', body, trustAt(startMs + 30 * dayMs)).body, { epoch: 3 });
});

test('a record that was written when its certificate was over is forged', () => {
  const late = sealed(startMs + 30 * dayMs);
  assert.throws(() => openRecord(late, 'owner/web1', body, trustAt(startMs + 31 * dayMs)), { code: 'MESSAGE_FORGED' });
});

test('a record from the future is forged', () => {
  assert.throws(() => openRecord(sealed(startMs + 60_000), 'owner/web1', body, trustAt(startMs)), {
    code: 'MESSAGE_FORGED',
  });
});

test('a record of a revoked certificate is good for nothing, whenever it was written', () => {
  const trust = trustAt(startMs, [alpha.certificateFingerprint]);
  assert.throws(() => openRecord(sealed(), 'owner/web1', body, trust), { code: 'MESSAGE_FORGED' });
});

test('a record whose time, payload, certificate or signature was changed is forged', async () => {
  const beta = await fleet.identity('host', 'beta');
  const whole = decode(sealed(), 100_000) as { payload: Uint8Array; signature: Uint8Array };
  const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, index) => (index === 20 ? byte ^ 1 : byte));
  const changes = [
    { writtenAtMs: startMs - 1 },
    { payload: flipped(whole.payload) },
    { signature: flipped(whole.signature) },
    { certificate: beta.certificateDer },
  ];
  for (const change of changes) {
    const changed = encode({ ...whole, ...change });
    assert.throws(() => openRecord(changed, 'owner/web1', body, trustAt(startMs)), { code: 'MESSAGE_FORGED' });
  }
});

test('a record is taken under its own name alone', () => {
  for (const name of ['manifest/web1', 'owner/web2'] as const) {
    assert.throws(() => openRecord(sealed(), name, body, trustAt(startMs)), { code: 'MESSAGE_FORGED' });
  }
});

test('a record too large to be read again is not sealed', () => {
  const large = { epoch: 3, more: new Uint8Array(2 ** 20) };
  assert.throws(() => sealRecord(alpha, 'owner/web1', large, startMs), { code: 'MESSAGE_MALFORMED' });
});

test('a record with a field nobody declared is refused', () => {
  const more = sealRecord(alpha, 'owner/web1', { epoch: 3, more: 1 }, startMs);
  assert.throws(() => openRecord(more, 'owner/web1', body, trustAt(startMs)), { code: 'MESSAGE_MALFORMED' });
});
