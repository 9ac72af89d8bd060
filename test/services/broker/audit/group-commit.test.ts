import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGroupCommit } from '../../../../services/broker/audit/group-commit.ts';

/** A disk whose flushes end when the test says so. */
function slowDisk() {
  const flushes: { bytes: string; done: PromiseWithResolvers<void> }[] = [];
  return {
    flushes,
    flush: (bytes: string) => {
      const done = Promise.withResolvers<void>();
      flushes.push({ bytes, done });
      return done.promise;
    },
  };
}
const settle = () => new Promise(setImmediate);

test('what is added while the disk is busy is written in one flush', async () => {
  const { flushes, flush } = slowDisk();
  const commit = createGroupCommit(flush);
  const first = commit.add('a');
  const rest = [commit.add('b'), commit.add('c'), commit.add('d')];
  flushes[0]?.done.resolve();
  await first;
  await settle();
  assert.deepEqual(
    flushes.map(({ bytes }) => bytes),
    ['a', 'bcd'],
  );
  flushes[1]?.done.resolve();
  await Promise.all(rest);
});

test('nothing is acknowledged before its flush has ended', async () => {
  const { flushes, flush } = slowDisk();
  const commit = createGroupCommit(flush);
  let acknowledged = 0;
  void commit.add('a').then(() => acknowledged++);
  void commit.add('b').then(() => acknowledged++);
  await settle();
  assert.equal(acknowledged, 0);
  flushes[0]?.done.resolve();
  await settle();
  assert.equal(acknowledged, 1);
  assert.equal(flushes.length, 2);
});

test('a flush that failed fails what waited for it, what waited behind it, and everything after', async () => {
  const { flushes, flush } = slowDisk();
  const commit = createGroupCommit(flush);
  const waiting = [commit.add('a'), commit.add('b')];
  flushes[0]?.done.reject(new Error('the disk is full'));
  for (const { status } of await Promise.allSettled(waiting)) assert.equal(status, 'rejected');
  await assert.rejects(commit.add('c'), { code: 'STORE_FAILED' });
  await assert.rejects(commit.add('d'), { code: 'STORE_FAILED' });
  assert.equal(flushes.length, 1);
});
