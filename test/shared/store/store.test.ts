import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { bytes, fields, integer, text } from '../../../shared/schema/schema.ts';
import { openStore, type Store, type Table } from '../../../shared/store/store.ts';

const record = fields({ n: integer(0, 1000) });
type Entry = { n: number };
const isFailed = (why: RegExp) => (error: unknown) =>
  error instanceof BrokerError && error.code === 'STORE_FAILED' && why.test(error.message);

describe('the store', () => {
  let directory: string;
  let store: Store;
  let table: Table<Entry>;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'carnet-store-'));
    store = openStore(join(directory, 'store'));
    table = store.table('things', record);
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });
  async function reopen() {
    await store.close();
    store = openStore(join(directory, 'store'));
    table = store.table('things', record);
  }

  it('keeps what was put, also when it is opened again, in a directory for its owner alone', async () => {
    table.put('a', { n: 1 });
    table.put('b', { n: 2 });
    table.put('a', { n: 3 });
    await store.flushed();
    await reopen();
    assert.deepEqual(
      [table.get('a'), table.get('b'), table.get('c'), table.count()],
      [{ n: 3 }, { n: 2 }, undefined, 2],
    );
    assert.equal((await stat(join(directory, 'store'))).mode & 0o777, 0o700);
  });

  it('removes, and says whether there was something', () => {
    table.put('a', { n: 1 });
    assert.deepEqual([table.remove('a'), table.remove('a'), table.get('a')], [true, false, undefined]);
  });

  it('keeps tables apart, and bytes as they are', () => {
    const other = store.table<Uint8Array>('bytes', bytes(10));
    other.put('a', Buffer.from([0, 255]));
    assert.deepEqual(other.get('a'), Buffer.from([0, 255]));
    assert.equal(table.get('a'), undefined);
  });

  it('writes all of a transaction or, when it throws, nothing, and passes on what was thrown', async () => {
    table.put('a', { n: 1 });
    const thrown = new Error('changed my mind');
    const attempt = () =>
      store.transaction(() => {
        table.put('a', { n: 2 });
        table.put('b', { n: 2 });
        assert.deepEqual(table.get('a'), { n: 2 });
        throw thrown;
      });
    assert.throws(attempt, thrown);
    assert.deepEqual([table.get('a'), table.get('b')], [{ n: 1 }, undefined]);
    assert.equal(
      store.transaction(() => {
        table.put('b', { n: 3 });
        return table.remove('a');
      }),
      true,
    );
    await reopen();
    assert.deepEqual([table.get('a'), table.get('b')], [undefined, { n: 3 }]);
  });

  it('rolls back an inner transaction alone when the outer one catches what it threw', () => {
    store.transaction(() => {
      table.put('outer', { n: 1 });
      assert.throws(
        () =>
          store.transaction(() => {
            table.put('inner', { n: 2 });
            throw new Error('inner');
          }),
        /inner/,
      );
    });
    assert.deepEqual([table.get('outer'), table.get('inner')], [{ n: 1 }, undefined]);
  });

  it('refuses a transaction that would wait, and keeps nothing of it', async () => {
    const waiting = () =>
      store.transaction(async () => {
        table.put('a', { n: 1 });
      });
    assert.throws(waiting, /must not wait/);
    assert.equal(table.get('a'), undefined);
  });

  it('lists entries in the order of keys, within bounds, backwards and no more than asked for', () => {
    const jobs = store.table<Entry, [string, number]>('jobs', record);
    for (const n of [10, 2, 33]) jobs.put(['web', n], { n });
    jobs.put(['db', 5], { n: 5 });
    const keys = (range?: Parameters<typeof jobs.entries>[0]) => jobs.entries(range).map(({ value }) => value.n);
    assert.deepEqual(keys(), [5, 2, 10, 33]);
    assert.deepEqual(keys({ from: ['web', 10] }), [10, 33]);
    assert.deepEqual(keys({ to: ['web', 10] }), [5, 2]);
    assert.deepEqual(keys({ from: ['web', 0], to: ['web', 33] }), [2, 10]);
    assert.deepEqual(keys({ reverse: true }), [33, 10, 2, 5]);
    assert.deepEqual(keys({ limit: 2 }), [5, 2]);
    assert.deepEqual(keys({ reverse: true, limit: 2 }), [33, 10]);
    assert.deepEqual(jobs.get(['web', 2]), { n: 2 });
  });

  it('does not hand out what does not have the form of the table', () => {
    table.put('old', { n: 7 });
    const newer = store.table('things', fields({ n: integer(0, 5) }));
    assert.throws(() => newer.get('old'), isFailed(/things, which holds at old what it should not: n: /));
    assert.throws(() => newer.entries(), isFailed(/things, which holds/));
  });

  it('does not take what has not the form of the table', () => {
    assert.throws(() => table.put('a', { n: -1 }), /n: /);
    assert.throws(() => table.put('a', { n: 1, m: 1 } as Entry), /m: /);
    assert.equal(table.get('a'), undefined);
  });

  it('fails on values and keys that are too long and a directory that is none, and works on', async () => {
    const raw = store.table<string>('raw', text(100));
    assert.throws(() => raw.put('k'.repeat(3000), 'x'), isFailed(/./));
    assert.equal(raw.get('k'.repeat(3000)), undefined);
    const large = store.table<Uint8Array>('large', bytes(1 << 25));
    assert.throws(() => large.put('a', Buffer.alloc(1 << 24)), isFailed(/takes no value/));
    const attempt = () =>
      store.transaction(() => {
        raw.put('before', 'x');
        raw.put('k'.repeat(3000), 'x');
      });
    assert.throws(attempt, isFailed(/raw/));
    assert.equal(raw.get('before'), undefined);
    raw.put('after', 'x');
    await store.flushed();
    assert.equal(raw.get('after'), 'x');
    await writeFile(join(directory, 'file'), '');
    assert.throws(() => openStore(join(directory, 'file', 'store')), isFailed(/opening/));
  });

  it('loses nothing that was put when the process is killed', async () => {
    const source = `
      import { openStore } from ${JSON.stringify(fileURLToPath(new URL('../../../shared/store/store.ts', import.meta.url)))};
      import { integer } from ${JSON.stringify(fileURLToPath(new URL('../../../shared/schema/schema.ts', import.meta.url)))};
      const table = openStore(process.argv[1]).table('counts', integer(0, 1e9));
      for (let n = 1; ; n++) { table.put('n', n); process.stdout.write(n + '\\n'); }`;
    const at = join(directory, 'killed');
    const writer = spawn(process.execPath, ['--input-type=module', '-e', source, at], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    for await (const chunk of writer.stdout) {
      told += chunk;
      if (told.split('\n').length > 20) break;
    }
    const exited = once(writer, 'exit');
    writer.kill('SIGKILL');
    await exited;
    const acknowledged = Number(told.trimEnd().split('\n').at(-1));
    const survivor = openStore(at);
    assert.ok((survivor.table<number>('counts', integer(0, 1e9)).get('n') ?? 0) >= acknowledged);
    await survivor.close();
  });
});
