import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openRequestBy } from '../../../../services/broker/peers/client-request.ts';
import { limits } from '../../../../shared/limits.ts';
import { createSeal } from '../../../../shared/messages/frame.ts';
import type { Request } from '../../../../shared/messages/request.ts';
import { createTrust } from '../../../../shared/pki/trust.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { hostId, vmId } from '../../../support/values.ts';

const nowMs = Date.now();
const fleet = await createTestFleet('test', nowMs);
const operator = await fleet.identity('client', 'operator');
const alpha = hostId('alpha');
const { authority } = fleet;
const migration = {
  verb: 'migrate',
  vm: vmId('web'),
  destination: hostId('beta'),
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
} as const;
const hourMs = 3_600_000;

function sealed(body: Request): Uint8Array {
  const seal = createSeal({ identity: operator, clock: createManualClock(nowMs), random: randomBytes });
  return seal({ type: 'request', kind: 'ask', to: { role: 'host', name: alpha }, body }).bytes;
}

/** Opens a request so long after it was signed. */
function openedAfter(body: Request, ms: number, revoked: readonly string[] = []) {
  const clock = createManualClock(nowMs + ms);
  const trust = createTrust({
    authorityCertificatePem: authority.certificatePem,
    clock,
    revoked: () => new Set(revoked),
  });
  return openRequestBy({ trust, clock })(sealed(body), alpha);
}

const lastMs = limits.messageLifetimeMs + limits.clockSkewMs;

test('a migration may wait for as long as its client signed, and no longer', () => {
  const patient = { ...migration, queueMsMax: hourMs };
  const opened = openedAfter(patient, lastMs + hourMs);
  assert.deepEqual(opened.request, patient);
  assert.equal(opened.untilMs, nowMs + limits.messageLifetimeMs + hourMs);
  assert.throws(() => openedAfter(patient, lastMs + hourMs + 1), { code: 'MESSAGE_STALE' });
});

test('a migration whose client says nothing waits as long as any does, and one that is not to wait does not', () => {
  assert.equal(openedAfter(migration, lastMs + limits.queueMsDefault).client, 'operator');
  assert.throws(() => openedAfter(migration, lastMs + limits.queueMsDefault + 1), { code: 'MESSAGE_STALE' });
  assert.throws(() => openedAfter({ ...migration, queueMsMax: 0 }, lastMs + 1), { code: 'MESSAGE_STALE' });
});

test('nobody waits for more than a day', () => {
  const endless = { ...migration, queueMsMax: limits.queueMsMax + 1 };
  assert.throws(() => openedAfter(endless, 0), { code: 'MESSAGE_MALFORMED' });
});

test('nothing but a migration waits, also not the question how one would be decided', () => {
  const patient = { ...migration, queueMsMax: hourMs };
  for (const body of [
    { verb: 'start', vm: vmId('web') },
    { verb: 'explain', action: patient },
  ] as const) {
    assert.equal(openedAfter(body, lastMs).client, 'operator');
    assert.throws(() => openedAfter(body, lastMs + 1), { code: 'MESSAGE_STALE' }, body.verb);
  }
});

test('a certificate that was revoked, or has expired, while its migration waited is good for nothing', () => {
  const patient = { ...migration, queueMsMax: limits.queueMsMax };
  const { fingerprint } = fleet.trust().verify(operator.certificateDer);
  assert.equal(openedAfter(patient, hourMs).client, 'operator');
  assert.throws(() => openedAfter(patient, hourMs, [fingerprint]), { code: 'MESSAGE_FORGED' });
  assert.throws(() => openedAfter(patient, 24 * hourMs + 1), { code: 'MESSAGE_FORGED' });
});
