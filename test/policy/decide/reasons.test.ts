import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { partsOf } from '../../../policy/decide/create-policy.ts';
import { loadPolicy } from '../../../policy/load.ts';
import type { DenialReason, LoadedPolicy } from '../../../policy/policy.ts';
import { compile, withTemporaryFolder } from '../../support/policy/checkpolicy.ts';
import { mustLoad } from '../../support/policy/load.ts';
import { createRandom } from '../../support/policy/random.ts';
import { randomPolicy } from '../../support/policy/random-policy.ts';
import { randomContext } from '../../support/policy/random-questions.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const user = 'system_u:user_r:user_t:s0';
const kernel = 'system_u:system_r:kernel_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0:c1';
const script = join(import.meta.dirname, '../../support/policy/libsepol.py');

type Asked = readonly [source: string, target: string, tclass: string];
const permsOf = (policy: LoadedPolicy, tclass: string): readonly string[] => {
  const { db } = partsOf(policy);
  return db.classData[db.classes.values.get(tclass) ?? 0]?.perms ?? [];
};

/** What libsepol says of every permission of the class: `allowed`, or the first stage it names. */
function askLibsepol(folder: string, policy: LoadedPolicy, questions: readonly Asked[]): string[] {
  const lines = questions.map((asked) => `${asked.join(' ')} ${permsOf(policy, asked[2]).length}\n`);
  const run = spawnSync('/usr/bin/python3', [script, join(folder, 'policy.bin')], {
    input: lines.join(''),
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line, index) => {
      const [allowed = '', , , ...reasons] = line.split(' ');
      if (allowed === 'INVALID') return allowed;
      const stages = permsOf(policy, questions[index]?.[2] ?? '').map((_, bit) => {
        const reason = Number(reasons[bit]);
        // libsepol adds BOUNDS as soon as any permission is lost to a bound, whichever was asked for.
        if ((reason & 1) !== 0) return 'TE';
        if ((reason & 2) !== 0) return 'CONS';
        if ((reason & 4) !== 0) return 'RBAC';
        return (Number.parseInt(allowed, 16) & (1 << bit)) === 0 ? 'BOUNDS' : 'allowed';
      });
      return stages.join(' ');
    });
}

function askEngine(policy: LoadedPolicy, [source, target, tclass]: Asked): string {
  const reasons = policy.reasons(source, target, tclass);
  if ([...reasons.values()].includes('INVALID')) return 'INVALID';
  const stages = permsOf(policy, tclass).map((perm) => reasons.get(perm) ?? 'allowed');
  return stages.join(' ');
}

describe('the reason a permission is missing', () => {
  it('is the stage libsepol names, on random policies and contexts', () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= 16; seed++) {
      const policy = randomPolicy(seed);
      withTemporaryFolder((folder) => {
        const loaded = loadPolicy(policy.text);
        if (!loaded.ok || !compile(folder, policy.text, policy.mls).ok) return;
        const random = createRandom(seed);
        const questions = Array.from({ length: 300 }, (): Asked => {
          const [source, target] = [randomContext(random, policy), randomContext(random, policy)];
          return [source, target, random.pick(policy.classes)];
        }).filter(([source, target]) => /^\S+$/.test(source) && /^\S+$/.test(target));
        const theirs = askLibsepol(folder, loaded.policy, questions);
        questions.forEach((asked, index) => {
          const ours = askEngine(loaded.policy, asked);
          assert.equal(ours, theirs[index], `seed ${seed}: ${asked.join(' ')}`);
          for (const stage of ours.split(' ')) seen.set(stage, (seen.get(stage) ?? 0) + 1);
        });
      });
    }
    for (const stage of ['allowed', 'TE', 'CONS', 'RBAC', 'INVALID']) {
      assert.ok((seen.get(stage) ?? 0) > 20, `${stage}: ${seen.get(stage) ?? 0}`);
    }
  });

  it('is BOUNDS where the parent lacks it at run time only, as libsepol says too', () => {
    const text = smallPolicy({
      rules:
        'type child_t; role user_r types child_t; typebounds user_t child_t; allow { user_t child_t } disk:vm { start stop };',
      constraints: 'constrain vm start ( t1 != user_t );',
    });
    const policy = mustLoad(text);
    const asked: Asked = ['system_u:user_r:child_t:s0', disk, 'vm'];
    assert.equal(askEngine(policy, asked), 'BOUNDS allowed TE TE');
    withTemporaryFolder((folder) => {
      assert.ok(compile(folder, text, true).ok);
      assert.deepEqual(askLibsepol(folder, policy, [asked]), ['BOUNDS allowed TE TE']);
    });
  });

  it('is given for every permission on its own, and only for what is missing', () => {
    const policy = mustLoad(
      smallPolicy({ rules: 'allow user_t disk:file { read write }; allow user_t kernel_t:process { transition };' }),
    );
    const entries = (reasons: ReadonlyMap<string, DenialReason>): unknown => Object.fromEntries(reasons);
    assert.deepEqual(entries(policy.reasons(user, disk, 'file')), { write: 'CONS', getattr: 'TE', execute: 'TE' });
    assert.deepEqual(entries(policy.reasons(user, disk, 'file', ['read', 'write'])), { write: 'CONS' });
    assert.deepEqual(entries(policy.reasons(user, kernel, 'process', ['transition', 'signal'])), {
      transition: 'RBAC',
      signal: 'TE',
    });
  });

  it('says what the policy does not know', () => {
    const policy = mustLoad(smallPolicy({ rules: 'allow user_t disk:vm start;' }));
    assert.deepEqual([...policy.reasons(user, disk, 'vm', ['start', 'read'])], [['read', 'UNKNOWN']]);
    assert.deepEqual([...policy.reasons(user, disk, 'nothing')], [['*', 'UNKNOWN']]);
    assert.deepEqual([...policy.reasons(user, disk, 'nothing', ['start'])], [['start', 'UNKNOWN']]);
    assert.deepEqual(
      [...policy.reasons('x', disk, 'vm', ['start', 'read'])],
      [
        ['start', 'INVALID'],
        ['read', 'UNKNOWN'],
      ],
    );
    assert.deepEqual([...new Set(policy.reasons(user, 'x', 'vm').values())], ['INVALID']);
  });

  it('follows the booleans', () => {
    const policy = mustLoad(smallPolicy({ rules: 'if (off) { allow user_t disk:vm start; }' }));
    assert.equal(policy.reasons(user, disk, 'vm').get('start'), 'TE');
    assert.equal(policy.withBooleans({ off: true }, 2).reasons(user, disk, 'vm').get('start'), undefined);
  });
});
