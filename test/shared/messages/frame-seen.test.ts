import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSeenNonces, createStoredSeenNonces, type SeenNonces } from '../../../shared/messages/frame.ts';
import { openStore, type Store } from '../../../shared/store/store.ts';

const nonceOf = (sender: string, untilMs: number, nonce: Uint8Array = randomBytes(16)) => ({ sender, nonce, untilMs });

function describeSeen(title: string, create: (perSenderMax?: number) => SeenNonces): void {
  describe(title, () => {
    it('admits a nonce of a sender once, and the same of another sender', () => {
      const seen = create();
      const nonce = randomBytes(16);
      assert.equal(seen.admit(nonceOf('host/alpha', 100, nonce), 0), 'new');
      assert.equal(seen.admit(nonceOf('host/alpha', 100, nonce), 99), 'seen');
      assert.equal(seen.admit(nonceOf('host/alpha', 900, Buffer.from(nonce)), 99), 'seen');
      assert.equal(seen.admit(nonceOf('client/alpha', 100, nonce), 0), 'new');
    });

    it('takes nothing more from a sender it cannot tell apart any more, and still everything from others', () => {
      const seen = create(4);
      for (let i = 0; i < 4; i++) assert.equal(seen.admit(nonceOf('client/noisy', 100), 0), 'new');
      assert.equal(seen.admit(nonceOf('client/noisy', 100), 0), 'full');
      assert.equal(seen.admit(nonceOf('client/quiet', 100), 0), 'new');
    });

    it('makes room when nonces are over', () => {
      const seen = create(4);
      for (let i = 0; i < 4; i++) seen.admit(nonceOf('client/busy', 100), 0);
      assert.equal(seen.admit(nonceOf('client/busy', 200), 100), 'full');
      assert.equal(seen.admit(nonceOf('client/busy', 200), 101), 'new');
    });

    it('remembers what is not over yet through any number of others', () => {
      const seen = create();
      const nonce = randomBytes(16);
      seen.admit(nonceOf('client/early', 5000, nonce), 0);
      for (let i = 0; i < 600; i++) seen.admit(nonceOf(`client/${i}`, i), i);
      assert.equal(seen.admit(nonceOf('client/early', 5000, nonce), 4999), 'seen');
    });
  });
}

describeSeen('seen nonces in memory', (perSenderMax) =>
  createSeenNonces(perSenderMax === undefined ? {} : { perSenderMax }),
);

describe('seen nonces in the store', () => {
  let directory: string;
  let store: Store;
  const open = (name: string) => {
    store = openStore(join(directory, name));
    return store;
  };
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'carnet-seen-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  let count = 0;
  const opened: Store[] = [];
  describeSeen('as in memory', (perSenderMax) => {
    opened.push(open(`store-${count++}`));
    return createStoredSeenNonces(store, perSenderMax === undefined ? {} : { perSenderMax });
  });
  after(async () => {
    for (const each of opened) await each.close();
  });

  it('are seen after a restart too, and forgotten in the store when they are over', async () => {
    const nonce = randomBytes(16);
    const first = open('restarted');
    createStoredSeenNonces(first).admit(nonceOf('client/operator', 100, nonce), 0);
    await first.close();
    const second = open('restarted');
    const seen = createStoredSeenNonces(second, { perSenderMax: 1 });
    assert.equal(seen.admit(nonceOf('client/operator', 100, nonce), 50), 'seen');
    assert.equal(seen.admit(nonceOf('client/operator', 100), 50), 'full');
    assert.equal(seen.admit(nonceOf('client/operator', 300), 101), 'new');
    await second.close();
    const third = open('restarted');
    assert.equal(createStoredSeenNonces(third).admit(nonceOf('client/operator', 100, nonce), 101), 'new');
    await third.close();
  });
});
