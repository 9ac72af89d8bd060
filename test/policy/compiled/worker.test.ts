import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loadPolicyInWorker } from '../../../policy/compiled/load-in-worker.ts';
import { readPolicyFile } from '../../../policy/read-policy-file.ts';
import { askEngine } from '../../support/policy/ask-engine.ts';
import { mustCompile } from '../../support/policy/binary.ts';
import { everything } from '../../support/policy/everything.ts';
import { randomQuestions } from '../../support/policy/random-questions.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carnet-worker-'));
  path = join(folder, 'policy.conf');
  await writeFile(path, everything.text);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a policy loaded on a thread of its own', () => {
  it('answers and explains as one that was loaded here, from a kept form as well', async () => {
    const here = readPolicyFile(path, { seqno: 3 });
    assert.ok(here.ok);
    const questions = randomQuestions(everything, 5, 400);
    const cacheDirectory = join(folder, 'kept');
    for (const options of [{}, { cacheDirectory }, { cacheDirectory }]) {
      const there = await loadPolicyInWorker(path, { ...options, seqno: 3 });
      assert.ok(there.ok);
      assert.deepEqual([there.policy.digest, there.policy.seqno], [here.policy.digest, 3]);
      assert.deepEqual(askEngine(there.policy, questions), askEngine(here.policy, questions));
      const question = ['user_u:user_r:user_t:s0', 'system_u:object_r:virtdisk_t:s0', 'file', 'read'] as const;
      assert.deepEqual(there.policy.explain(...question), here.policy.explain(...question));
    }
    assert.equal((await readdir(cacheDirectory)).length, 1);
  });

  it('shows its rules when the file has changed, since it keeps what it was made of', async () => {
    const loaded = await loadPolicyInWorker(path);
    assert.ok(loaded.ok);
    await writeFile(path, 'nonsense');
    const { granting } = loaded.policy.explain(
      'user_u:user_r:user_t:s0',
      'system_u:object_r:virtdisk_t:s0',
      'file',
      'read',
    );
    assert.deepEqual(
      granting.map(({ text }) => text),
      ['allow domain disk:{ file dir } { read write getattr };'],
    );
  });

  it('may be binary', async () => {
    await writeFile(path, mustCompile(everything.text));
    const [here, there] = [readPolicyFile(path), await loadPolicyInWorker(path)];
    assert.ok(here.ok && there.ok);
    const question = ['user_u:user_r:user_t:s0', 'system_u:object_r:virtdisk_t:s0', 'file', 'read'] as const;
    assert.deepEqual(there.policy.explain(...question), here.policy.explain(...question));
  });

  it('that is wrong or not there is the same diagnostics as here', async () => {
    await writeFile(path, `${everything.text}\nallow nonsense`);
    assert.deepEqual(await loadPolicyInWorker(path), readPolicyFile(path));
    const nowhere = join(folder, 'nowhere');
    assert.deepEqual(await loadPolicyInWorker(nowhere), readPolicyFile(nowhere));
    await writeFile(path, mustCompile(everything.text).subarray(0, 700));
    assert.deepEqual(await loadPolicyInWorker(path), readPolicyFile(path));
    await writeFile(path, Buffer.from([0x61, 0xff, 0xfe]));
    assert.deepEqual(await loadPolicyInWorker(path), readPolicyFile(path));
  });

  it('that takes too long is a diagnostic', async () => {
    const loaded = await loadPolicyInWorker(path, { timeoutMsMax: 0 });
    assert.match(loaded.ok ? '' : (loaded.diagnostics[0]?.message ?? ''), /not compiled within 0 ms/);
  });
});
