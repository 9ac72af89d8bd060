import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loadCached } from '../../../policy/compiled/load-cached.ts';
import { obtainForm } from '../../../policy/compiled/obtain.ts';
import { loadPolicy } from '../../../policy/load.ts';
import { mustCompile } from '../../support/policy/binary.ts';
import { everything } from '../../support/policy/everything.ts';

let folder: string;
let cacheDirectory: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carnet-cache-'));
  cacheDirectory = join(folder, 'kept');
  path = join(folder, 'policy.conf');
  writeFileSync(path, everything.text);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [user, disk] = ['user_u:user_r:user_t:s0', 'system_u:object_r:virtdisk_t:s0'];

/** The one form in the folder. */
function onlyForm(): string {
  const [name, ...more] = readdirSync(cacheDirectory);
  assert.ok(name !== undefined && more.length === 0);
  return join(cacheDirectory, name);
}

/** Whether the next load takes the form that is kept, by default all of it: then it need not read the source. */
async function isTaken(whole = true): Promise<boolean> {
  const obtained = await obtainForm(path, { cacheDirectory, whole });
  assert.ok(obtained.ok);
  return obtained.source === undefined;
}

describe('the folder of compiled policies', () => {
  it('gets a form at the first load, from which the next one answers the same', async () => {
    const first = await loadCached(path, { cacheDirectory });
    const second = await loadCached(path, { cacheDirectory, seqno: 5 });
    assert.ok(first.ok && second.ok);
    assert.deepEqual([first.policy.seqno, second.policy.seqno], [1, 5]);
    assert.equal(second.policy.digest, first.policy.digest);
    const plain = loadPolicy([{ file: path, text: everything.text }]);
    assert.ok(plain.ok);
    assert.equal(second.policy.digest, plain.policy.digest);
    const question = [user, disk, 'file', 'read'] as const;
    assert.deepEqual(second.policy.explain(...question), plain.policy.explain(...question));
    assert.ok(await isTaken());
  });

  it('is readable by its owner alone, and has no drafts left', async () => {
    await loadCached(path, { cacheDirectory });
    assert.equal(statSync(cacheDirectory).mode & 0o777, 0o700);
    assert.equal(statSync(onlyForm()).mode & 0o777, 0o600);
  });

  it('has another form for another source, and keeps the newest four', async () => {
    for (let round = 0; round < 6; round++) {
      writeFileSync(path, `${everything.text}# ${round}\n`);
      await loadCached(path, { cacheDirectory });
    }
    assert.equal(readdirSync(cacheDirectory).length, 4);
    assert.ok(await isTaken());
  });

  it('gives nothing for a policy that does not load, and gets nothing', async () => {
    writeFileSync(path, `${everything.text}\nallow nonsense`);
    const loaded = await loadCached(path, { cacheDirectory });
    assert.equal(!loaded.ok && loaded.diagnostics[0]?.file, path);
    assert.throws(() => readdirSync(cacheDirectory), { code: 'ENOENT' });
    const nowhere = await loadCached(join(folder, 'nowhere'), { cacheDirectory });
    assert.match(nowhere.ok ? '' : (nowhere.diagnostics[0]?.message ?? ''), /cannot read the policy: ENOENT/);
  });

  it('gets no form of a binary policy, which is loaded all the same', async () => {
    writeFileSync(path, mustCompile(everything.text));
    const loaded = await loadCached(path, { cacheDirectory });
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.policy.explain(user, disk, 'file', 'read').granting, [
      { file: path, line: 0, text: 'allow domain disk:file { read write getattr };' },
    ]);
    assert.throws(() => readdirSync(cacheDirectory), { code: 'ENOENT' });
  });

  it('tells file and line, and no text, where the source has changed since', async () => {
    await loadCached(path, { cacheDirectory });
    const loaded = await loadCached(path, { cacheDirectory });
    assert.ok(loaded.ok);
    writeFileSync(path, `# changed\n${everything.text}`);
    const [rule] = loaded.policy.explain(user, disk, 'file', 'read').granting;
    assert.equal(rule?.file, path);
    assert.equal(rule.text, '');
    assert.match(everything.text.split('\n')[rule.line - 1] ?? '', /allow domain disk:\{ file dir \}/);
  });
});

describe('a kept form is not taken', () => {
  beforeEach(() => loadCached(path, { cacheDirectory }));

  it('when any of its bytes is changed, or it is cut; it is made anew', async () => {
    const form = readFileSync(onlyForm());
    for (let at = 0; at < form.length; at += 997) {
      const damaged = Buffer.from(form);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(onlyForm(), damaged);
      assert.ok(!(await isTaken()), `byte ${at}`);
    }
    writeFileSync(onlyForm(), form.subarray(0, form.length - 8));
    assert.ok(!(await isTaken()));
    assert.deepEqual(readFileSync(onlyForm()), form);
    assert.ok(await isTaken());
  });

  it('in part, when that is damaged which only explanations need: then it is removed, and they fail once', async () => {
    const form = readFileSync(onlyForm());
    form[form.length - 1] = 0x55;
    writeFileSync(onlyForm(), form);
    const loaded = await loadCached(path, { cacheDirectory });
    assert.ok(loaded.ok && (await isTaken(false)));
    assert.deepEqual(loaded.policy.computeAv(user, disk, 'file').allowed.includes('read'), true);
    assert.throws(() => loaded.policy.explain(user, disk, 'file', 'read'), /damaged and is removed/);
    assert.deepEqual(readdirSync(cacheDirectory), []);
    const again = await loadCached(path, { cacheDirectory });
    assert.ok(again.ok && again.policy.explain(user, disk, 'file', 'read').granting.length === 1);
  });

  it('when others may write to it', async () => {
    assert.ok(await isTaken());
    chmodSync(onlyForm(), 0o620);
    assert.ok(!(await isTaken()));
  });

  it('when it is a link', async () => {
    const form = onlyForm();
    const elsewhere = join(folder, 'elsewhere');
    renameSync(form, elsewhere);
    symlinkSync(elsewhere, form);
    assert.ok(!(await isTaken()));
  });

  it('when it is another user’s', { skip: process.geteuid?.() !== 0 && 'only root can give a file away' }, async () => {
    chownSync(onlyForm(), 65534, 65534);
    assert.ok(!(await isTaken()));
  });

  it('when others may write to the folder; then nothing is put there either, and the load says so', async () => {
    chmodSync(cacheDirectory, 0o770);
    assert.ok(!(await isTaken()));
    const loaded = await loadCached(path, { cacheDirectory });
    assert.match(loaded.ok ? (loaded.warnings[0]?.message ?? '') : '', /could not be kept: .*others may write/);
  });

  it('when the folder cannot be made; the policy is loaded all the same', async () => {
    rmSync(cacheDirectory, { recursive: true });
    writeFileSync(cacheDirectory, '');
    const loaded = await loadCached(path, { cacheDirectory });
    assert.match(loaded.ok ? (loaded.warnings[0]?.message ?? '') : '', /could not be kept/);
  });
});
