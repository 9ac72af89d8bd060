import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadPolicyInWorker } from '../../../../policy/compiled/load-in-worker.ts';
import { createPolicyHolder } from '../../../../services/broker/gate/policy-holder.ts';
import { shippedText } from '../../../support/gate/shipped.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'carnet-holder-'));
  file = join(directory, 'policy.conf');
  await writeFile(file, await shippedText());
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('there is no policy before the first load', () => {
  assert.equal(createPolicyHolder({ file }).current(), undefined);
});

test('each load counts the sequence number up and changes the digest with the text', async () => {
  const holder = createPolicyHolder({ file });
  const first = await holder.reload();
  await writeFile(file, await shippedText('no-entrypoint'));
  const second = await holder.reload();
  assert.ok(first.ok && second.ok);
  assert.deepEqual([first.policy.seqno, second.policy.seqno], [1, 2]);
  assert.notEqual(first.policy.digest, second.policy.digest);
  assert.equal(holder.current(), second.policy);
});

test('a policy that does not parse leaves the old one in force, and says where it is wrong', async () => {
  const told: unknown[] = [];
  const holder = createPolicyHolder({ file, onLoad: async (outcome) => void told.push(outcome) });
  await holder.reload();
  const before = holder.current();
  await writeFile(file, `${await shippedText()}\nallow nonsense`);
  const result = await holder.reload();
  assert.ok(!result.ok);
  assert.equal(result.error.code, 'POLICY_INVALID');
  assert.match(result.error.message, /policy\.conf:\d+:\d+: /);
  assert.ok(result.diagnostics.length > 0);
  assert.equal(holder.current(), before);
  assert.deepEqual(told, [
    { ok: true, seqno: 1, digest: before?.digest },
    { ok: false, seqno: 1 },
  ]);
});

test('a host whose first policy does not parse, or is not there, has none', async () => {
  await writeFile(file, 'nonsense');
  const holder = createPolicyHolder({ file });
  assert.equal((await holder.reload()).ok, false);
  assert.equal(holder.current(), undefined);
  const nowhere = createPolicyHolder({ file: join(directory, 'nowhere') });
  assert.equal((await nowhere.reload()).ok, false);
  assert.equal(nowhere.current(), undefined);
});

test('a load that cannot be put on record does not come into force', async () => {
  const holder = createPolicyHolder({ file, onLoad: () => Promise.reject(new Error('the disk is full')) });
  const result = await holder.reload();
  assert.ok(!result.ok);
  assert.match(result.error.message, /the disk is full/);
  assert.equal(holder.current(), undefined);
});

test('a loader that throws leaves the old policy in force', async () => {
  let works = true;
  const load: typeof loadPolicyInWorker = (path, options) =>
    works ? loadPolicyInWorker(path, options) : Promise.reject(new Error('out of order'));
  const holder = createPolicyHolder({ file, load });
  const first = await holder.reload();
  works = false;
  const second = await holder.reload();
  assert.equal(!second.ok && second.error.code, 'POLICY_INVALID');
  assert.equal(holder.current(), first.ok && first.policy);
});

test('the old policy answers until the new one is on record, and no longer', async () => {
  const seen: (number | undefined)[] = [];
  const holder = createPolicyHolder({ file, onLoad: async () => void seen.push(holder.current()?.seqno) });
  await holder.reload();
  const reloading = holder.reload();
  const before = holder.current()?.seqno;
  await reloading;
  assert.deepEqual([seen, before, holder.current()?.seqno], [[undefined, 1], 1, 2]);
});

test('the compiled policy is kept in the folder given, and taken from there', async () => {
  const cacheDirectory = join(directory, 'policy');
  const first = await createPolicyHolder({ file, cacheDirectory }).reload();
  const kept = await readdir(cacheDirectory);
  const second = await createPolicyHolder({ file, cacheDirectory }).reload();
  assert.equal(kept.length, 1);
  assert.deepEqual(await readdir(cacheDirectory), kept);
  assert.equal(first.ok && first.policy.digest, second.ok && second.policy.digest);
});

test('loads that are asked for at the same time come one after the other', async () => {
  const holder = createPolicyHolder({ file });
  const results = await Promise.all([holder.reload(), holder.reload(), holder.reload()]);
  assert.deepEqual(
    results.map((result) => result.ok && result.policy.seqno),
    [1, 2, 3],
  );
});
