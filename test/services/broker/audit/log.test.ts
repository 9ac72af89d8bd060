import assert from 'node:assert/strict';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type AuditLog, openAuditLog } from '../../../../services/broker/audit/log.ts';
import { genesis } from '../../../../shared/audit/chain.ts';
import { verifyAuditLog } from '../../../../shared/audit/verify.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import { contexts } from '../../../support/gate/asks.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'carnet-audit-'));
  path = join(directory, 'audit.log');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const openLog = () => openAuditLog({ path, subject: contexts.broker, clock: systemClock });

/** Opens the log, writes some events, closes it; answers with the head. */
async function writeEvents(
  count: number,
  write = (log: AuditLog, seqno: number) => log.policyLoaded({ ok: true, seqno }),
) {
  const log = await openLog();
  for (let seqno = 1; seqno <= count; seqno++) await write(log, seqno);
  await log.close();
  return log.head();
}

async function edit(change: (lines: string[]) => string[]): Promise<void> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  await writeFile(path, `${change(lines).join('\n')}\n`);
}

test('a policy load is recorded as the kernel records it', async () => {
  const log = await openLog();
  await log.policyLoaded({ ok: false, seqno: 3 });
  await log.close();
  const text = await readFile(path, 'utf8');
  assert.match(text, /^type=USER_MAC_POLICY_LOAD .*msg='op=load_policy lsm=selinux prev=0{64} seqno=3 res=0 exe=/);
});

test('the chain goes on where it was when the log is opened again, and so do the serial numbers', async () => {
  await writeEvents(3);
  const head = await writeEvents(2);
  assert.deepEqual(await verifyAuditLog(path), { ok: true, records: 5, head });
  const serials = [...(await readFile(path, 'utf8')).matchAll(/audit\([0-9.]+:(\d+)\)/g)].map((match) => match[1]);
  assert.deepEqual(serials, ['1', '2', '3', '4', '5']);
});

test('events written at the same time are one chain', async () => {
  const log = await openLog();
  await Promise.all(Array.from({ length: 50 }, (_, seqno) => log.policyLoaded({ ok: true, seqno })));
  await log.close();
  assert.deepEqual(await verifyAuditLog(path), { ok: true, records: 50, head: log.head() });
});

test('an empty log is sound and its head is the beginning', async () => {
  assert.equal(await writeEvents(0), genesis);
  assert.deepEqual(await verifyAuditLog(path, genesis), { ok: true, records: 0, head: genesis });
});

const forgeries: [string, (lines: string[]) => string[], number][] = [
  ['a changed record', (lines) => lines.map((line, n) => (n === 1 ? line.replace('seqno=2', 'seqno=9') : line)), 3],
  ['a removed record', (lines) => lines.filter((_, n) => n !== 1), 2],
  ['a record that is there twice', (lines) => lines.flatMap((line, n) => (n === 1 ? [line, line] : [line])), 3],
  ['two records in another order', ([a = '', b = '', ...rest]) => [b, a, ...rest], 1],
  ['a line that is no record', (lines) => lines.flatMap((line, n) => (n === 2 ? ['nonsense', line] : [line])), 3],
  ['a line at the end that is no record', (lines) => [...lines, 'nonsense'], 6],
  ['an empty line', (lines) => lines.flatMap((line, n) => (n === 2 ? ['', line] : [line])), 3],
  ['a line without end', (lines) => [...lines, 'x'.repeat(10_000)], 6],
];
for (const [what, change, line] of forgeries) {
  test(`the log does not verify with ${what}`, async () => {
    await writeEvents(5);
    await edit(change);
    const verified = await verifyAuditLog(path);
    assert.equal(verified.ok, false);
    assert.equal(!verified.ok && verified.line, line);
  });
}

test('a log that was cut is noticed by who knows its head, and only by them', async () => {
  const head = await writeEvents(5);
  assert.equal((await verifyAuditLog(path, head)).ok, true);
  await edit((lines) => lines.slice(0, 3));
  assert.equal((await verifyAuditLog(path)).ok, true);
  assert.equal((await verifyAuditLog(path, head)).ok, false);
});

test('a log that grew still holds the head a peer kept', async () => {
  const head = await writeEvents(2);
  await writeEvents(3);
  assert.equal((await verifyAuditLog(path, head)).ok, true);
});

for (const cut of [1, 30, 200]) {
  test(`a last line that a crash left ${cut} bytes short is kept, and the chain goes on after it`, async () => {
    await writeEvents(3);
    await truncate(path, (await stat(path)).size - cut);
    const head = await writeEvents(2);
    const verified = await verifyAuditLog(path);
    assert.deepEqual(verified, { ok: true, records: 6, head });
    assert.match(await readFile(path, 'utf8'), /op=carnet-audit-recovered/);
  });
}

test('a log of one torn line is opened', async () => {
  await writeEvents(1);
  await truncate(path, 40);
  await writeEvents(1);
  assert.equal((await verifyAuditLog(path)).ok, true);
});

test('a log that does not end in a record is not written to', async () => {
  await writeEvents(2);
  await appendFile(path, 'nonsense\n');
  await assert.rejects(openLog(), { code: 'STORE_FAILED' });
});

test('the log is readable by its owner alone', async () => {
  await writeEvents(1);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

const unfit: [string, () => Promise<unknown>][] = [
  [
    'a symbolic link',
    () => writeFile(join(directory, 'other'), '', { mode: 0o600 }).then(() => symlink('other', path)),
  ],
  [
    'a hard link',
    () => writeFile(join(directory, 'other'), '', { mode: 0o600 }).then(() => link(join(directory, 'other'), path)),
  ],
  ['a directory', () => mkdir(path)],
  ['readable by others', () => writeFile(path, '', { mode: 0o600 }).then(() => chmod(path, 0o640))],
];
for (const [what, make] of unfit) {
  test(`a log that is ${what} is refused`, async () => {
    await make();
    await assert.rejects(openLog(), { code: 'STORE_FAILED' });
  });
}

test('a log that cannot be written answers with a fault, and goes on doing so', async () => {
  const log = await openLog();
  await log.close();
  await assert.rejects(log.policyLoaded({ ok: true, seqno: 1 }), { code: 'STORE_FAILED' });
  await assert.rejects(log.policyLoaded({ ok: true, seqno: 2 }), { code: 'STORE_FAILED' });
});
