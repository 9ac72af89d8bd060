import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelOn } from '../../../policy/kernel/kernel.ts';
import type { KernelPolicy } from '../../../policy/kernel/kernel-policy.ts';
import { fakeSelinuxfs, type Loadable } from '../../support/kernel/fake-selinuxfs.ts';
import { disk, next, old, user } from '../../support/kernel/two-policies.ts';

type Ask = (policy: KernelPolicy) => unknown;
const questions: Readonly<Record<string, Ask>> = {
  computeAv: (policy) => policy.computeAv(user, disk, 'vm').allowed,
  'computeAv of a context that is not valid': (policy) => policy.computeAv('nobody', disk, 'vm').allowed,
  'computeTransition with a name': (policy) => policy.computeTransition(user, disk, 'file', 'named'),
  'computeTransition to what is not valid': (policy) => policy.computeTransition(user, disk, 'process'),
  computeChange: (policy) => policy.computeChange(user, disk, 'vm'),
  computeMember: (policy) => policy.computeMember(user, disk, 'file'),
  validateTransition: (policy) => policy.validateTransition(disk, user, user, 'vm'),
  canonical: (policy) => policy.canonical('system_u:object_r:virtdisk_t:secret'),
  declares: (policy) => [policy.declares('vm', ['start', 'stop']), policy.declares('vm', ['nonsense'])],
  explain: (policy) => policy.explain(user, disk, 'vm', 'start').allowed,
};

/** What the engine says to the same question of a policy, in the form the adapter has for it. */
const engineSays = (ask: Ask, { policy }: Loadable): unknown => {
  const answer = ask(policy as KernelPolicy);
  if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) return answer;
  const { ok, reason, context } = answer as Record<string, unknown>;
  return { ok, ...(ok === true ? {} : { reason }), ...(ok === true && context !== undefined ? { context } : {}) };
};

describe('a policy of the kernel', () => {
  for (const [name, ask] of Object.entries(questions)) {
    it(`answers ${name} as the engine does`, () => {
      assert.deepEqual(ask(kernelOn(fakeSelinuxfs(old)).current()), engineSays(ask, old));
    });

    it(`answers ${name} from one policy, or not, whenever another is loaded meanwhile`, () => {
      const [mayBe, orElse] = [engineSays(ask, old), engineSays(ask, next)];
      const seen = { old: 0, changed: 0, next: 0 };
      for (let shownAt = 1; shownAt <= 40; shownAt++) {
        for (const inForceAt of [shownAt, shownAt + 1, shownAt + 3, shownAt + 15]) {
          const fs = fakeSelinuxfs(old);
          const kernel = kernelOn(fs);
          fs.loadLater(next, shownAt, inForceAt);
          const outcome = outcomeOf(() => {
            const policy = kernel.current();
            return { seqno: policy.seqno, answer: ask(policy) };
          });
          if (outcome === 'POLICY_CHANGED') seen.changed++;
          else {
            const { seqno, answer } = outcome as { seqno: number; answer: unknown };
            assert.deepEqual(answer, seqno === 1 ? mayBe : orElse, `shown at ${shownAt}, in force at ${inForceAt}`);
            seen[seqno === 1 ? 'old' : 'next']++;
          }
        }
      }
      assert.ok(seen.old > 0 && seen.next > 0 && seen.changed > 0, JSON.stringify(seen));
    });
  }

  it('is read as a whole from one policy, whenever another is loaded meanwhile', () => {
    const wholeOf = ({ seqno, digest, booleans }: KernelPolicy) => ({ seqno, digest, booleans: [...booleans] });
    const loaded = fakeSelinuxfs(old);
    const kernel = kernelOn(loaded);
    const first = wholeOf(kernel.current());
    loaded.loadLater(next, 1, 1);
    const second = wholeOf(kernel.current());
    assert.deepEqual([first.seqno, second.seqno], [1, 2]);
    for (let shownAt = 1; shownAt <= 20; shownAt++) {
      for (const inForceAt of [shownAt, shownAt + 1, shownAt + 3]) {
        const fs = fakeSelinuxfs(old);
        fs.loadLater(next, shownAt, inForceAt);
        const whole = wholeOf(kernelOn(fs).current());
        assert.deepEqual(whole, whole.seqno === 1 ? first : second, `shown at ${shownAt}, in force at ${inForceAt}`);
      }
    }
  });
});

function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
