import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openAuditLog } from '../../../../services/broker/audit/log.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import { labelOf } from '../../../support/values.ts';
import { carnet } from '../run-carnet.ts';

let folder = '';
let file = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carnet-audit-'));
  file = join(folder, 'audit.log');
  const log = await openAuditLog({
    path: file,
    subject: labelOf('system_u:system_r:carnet_t:s0'),
    clock: systemClock,
  });
  for (const seqno of [1, 2, 3]) await log.policyLoaded({ ok: true, seqno, digest: '0'.repeat(64) });
  await log.close();
});
after(() => rm(folder, { recursive: true }));

test('a log that is whole is told with its head, which later finds what was cut', async () => {
  const whole = await carnet(['audit', 'verify', file]);
  assert.equal(whole.status, 0);
  assert.match(whole.stdout, /: 3 records, each names the one before it\nhead [0-9a-f]{64}\n$/);
  const head = (await carnet(['audit', 'verify', file, '-o', 'name'])).stdout.trim();
  assert.equal((await carnet(['audit', 'verify', file, '--head', head])).status, 0);

  const cut = join(folder, 'cut.log');
  await writeFile(cut, (await readFile(file, 'utf8')).split('\n').slice(0, 2).join('\n').concat('\n'));
  assert.equal((await carnet(['audit', 'verify', cut])).status, 0);
  const found = await carnet(['audit', 'verify', cut, '--head', head]);
  assert.equal(found.status, 9);
  assert.match(found.stderr, /cut\.log:3: the record of the head that was kept is missing \[AUDIT_BROKEN\]/);
});

test('a record that was changed is named by its line, in JSON too', async () => {
  const changed = join(folder, 'changed.log');
  await writeFile(changed, (await readFile(file, 'utf8')).replace('seqno=1', 'seqno=7'));
  const found = await carnet(['audit', 'verify', changed]);
  assert.equal(found.status, 9);
  assert.match(found.stderr, /changed\.log:2: the record before it is not the one it names/);
  const machine = await carnet(['audit', 'verify', changed, '--json']);
  assert.equal((JSON.parse(machine.stderr) as { name: string }).name, 'AUDIT_BROKEN');
});

test('a line without an end is read no further than a line may go', async () => {
  const endless = join(folder, 'endless.log');
  await writeFile(endless, 'x'.repeat(200_000).concat('\n', await readFile(file, 'utf8')));
  const found = await carnet(['audit', 'verify', endless]);
  assert.equal(found.status, 9);
  assert.match(found.stderr, /endless\.log:1: the line is too long/);
});

test('a file that is not there, and a head that is none, are usage errors', async () => {
  assert.equal((await carnet(['audit', 'verify', join(folder, 'none.log')])).status, 2);
  assert.equal((await carnet(['audit', 'verify', file, '--head', 'abc'])).status, 2);
});
