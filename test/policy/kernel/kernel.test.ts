import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { type Kernel, kernelOn, openKernel } from '../../../policy/kernel/kernel.ts';
import { fakeSelinuxfs } from '../../support/kernel/fake-selinuxfs.ts';
import { fault, next, old, user } from '../../support/kernel/two-policies.ts';

describe('a kernel', () => {
  const withStatus = (...words: readonly number[]): Kernel => {
    const fs = fakeSelinuxfs(old);
    fs.instead.set('status', { ok: true, value: Buffer.from(new Uint32Array(words).buffer).toString('latin1') });
    return kernelOn(fs);
  };

  it('is only looked for where a selinuxfs is mounted', () => {
    assert.throws(() => openKernel({ mount: tmpdir() }), fault('POLICY_UNAVAILABLE'));
    assert.throws(() => openKernel({ mount: '/nowhere' }), fault('POLICY_UNAVAILABLE'));
  });

  it('tells its status', () => {
    const status = { sequence: 4, enforcing: true, policyload: 7, denyUnknown: false };
    assert.deepEqual(withStatus(1, 4, 1, 7, 0).status(), status);
  });

  it('is not believed about a status that is being written, is short or of another version', () => {
    assert.throws(() => withStatus(1, 5, 1, 7, 0).status(), fault('POLICY_UNAVAILABLE'));
    assert.throws(() => withStatus(2, 4, 1, 7, 0).status(), fault('POLICY_UNAVAILABLE'));
    assert.throws(() => kernelOn(fakeSelinuxfs(old)).status(), fault('POLICY_UNAVAILABLE'));
  });

  it('is asked again for a status that changed while it was read', () => {
    const fs = fakeSelinuxfs(old);
    const reads = [
      [4, 6, 6],
      [6, 7, 8],
      [8, 8, 10],
      [10, 10, 10],
    ];
    const word = (...values: readonly number[]) => new Uint8Array(new Uint32Array(values).buffer);
    const kernel = kernelOn({
      ...fs,
      readPieces() {
        const [before = 0, within = 0, after = 0] = reads.shift() ?? [];
        return { ok: true, value: [word(before), word(1, within, 1, within, 1), word(after)] };
      },
    });
    assert.equal(kernel.status().sequence, 10);
    assert.deepEqual(reads, []);
  });

  it('whose booleans are not all taken has none of them waiting', () => {
    for (const refusing of ['booleans/on', 'commit_pending_bools']) {
      const writes: string[] = [];
      const fs = fakeSelinuxfs(old);
      const kernel = kernelOn({
        ...fs,
        write(path, request) {
          const refused = path === refusing && !writes.some((write) => write.startsWith(path));
          writes.push(`${path} ${request}`);
          return refused ? { ok: false, errno: 'EACCES' } : { ok: true, value: undefined };
        },
      });
      assert.throws(() => kernel.setBooleans({ off: true, on: false }), fault('POLICY_UNAVAILABLE'));
      assert.deepEqual(writes.slice(-2), ['booleans/off 0', 'booleans/on 1'], refusing);
    }
  });

  it('has no file opened for a boolean it does not have', () => {
    const fs = fakeSelinuxfs(old);
    assert.throws(() => kernelOn(fs).setBooleans({ '../enforce': false }), RangeError);
    assert.ok(!fs.opened.some((path) => path.includes('enforce')));
  });

  it('has the same policy until another is in force', () => {
    const fs = fakeSelinuxfs(old);
    const kernel = kernelOn(fs);
    const first = kernel.current();
    assert.equal(kernel.current(), first);
    fs.loadLater(next, 1, 1);
    assert.equal(kernel.current().seqno, 2);
    assert.throws(() => first.canonical(user), fault('POLICY_CHANGED'));
  });
});
