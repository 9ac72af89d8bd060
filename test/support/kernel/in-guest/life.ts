/*
 * Runs in the guest: the life of a policy, seen through the adapter. A line of JSON for each thing seen, `[what, value]`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { openKernel } from '../../../../policy/kernel/kernel.ts';
import { openSelinuxfs } from '../../../../policy/kernel/selinuxfs.ts';
import { codeOf, say } from './say.ts';

const kernelPath = '/sys/fs/selinux';
const load = (file: string) => writeFileSync(`${kernelPath}/load`, readFileSync(file));
const user = 'user_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0';

load('/life-1.bin');
const kernel = openKernel();
const first = kernel.current();
const facts = kernel.facts();
const raw = openSelinuxfs(kernelPath);
const whole = raw.read('policy', 1 << 20);
say('facts', { ...facts, initialContexts: [...facts.initialContexts] });
say(
  'mount',
  codeOf(() => openKernel({ mount: '/proc' })),
);
say('first', { digest: first.digest, mls: first.mls, booleans: [...first.booleans], same: kernel.current() === first });
say('policy', whole.ok ? Buffer.from(whole.value).toString('base64') : whole.errno);
say('status', kernel.status());

// The policy says handle_unknown=allow: asked for a class it lacks, the kernel itself allows everything.
say('unknown class, the kernel', raw.transact('access', `${user} ${disk} 0`));
say('unknown class', first.computeAv(user, disk, 'nonsense'));
say('unknown permission', [first.declares('vm', ['nonsense']), first.explain(user, disk, 'vm', 'nonsense')]);

say('explained', [first.explain(user, disk, 'vm', 'stop'), first.explain(user, disk, 'vm', 'start')]);
say('type rules', [
  first.hasTypeRule('type_change', user, disk, 'vm'),
  first.hasTypeRule('type_transition', user, disk, 'vm'),
]);
say('what if', first.withBooleans({ starts: true }, 99).computeAv(user, disk, 'vm').allowed);

say('before', [first.seqno, first.computeAv(user, disk, 'vm').allowed]);
const second = kernel.setBooleans({ starts: true });
say('boolean set', [second.seqno, second.computeAv(user, disk, 'vm').allowed, second.booleans.get('starts')]);
say('status after', kernel.status());
say(
  'boolean unknown',
  codeOf(() => kernel.setBooleans({ starts: false, nonsense: true })),
);
say('the old policy', questionsOf(first));

const held = kernel.current();
load('/life-2.bin');
say('reloaded status', kernel.status());
say('the policy before the reload', questionsOf(held));
const third = kernel.current();
say('reloaded', [third.seqno, third.computeAv(user, disk, 'vm').allowed, third.digest]);

const invalid = () => third.computeTransition(user, disk, 'process');
say('invalid result, permissive', invalid());
kernel.setEnforcing(true);
say('enforcing', [kernel.status(), kernel.current() === third]);
say('invalid result, enforcing', invalid());
say('invalid contexts', [
  third.computeChange('nobody', disk, 'vm'),
  third.computeChange(user, 'a b', 'vm'),
  third.computeAv(user, `${disk}:c9`, 'vm').allowed,
  third.validateTransition(disk, 'x'.repeat(9000), user, 'vm'),
]);
kernel.setEnforcing(false);
say('permissive again', kernel.status().enforcing);

function questionsOf(policy: ReturnType<typeof kernel.current>) {
  return [
    codeOf(() => policy.computeAv(user, disk, 'vm')),
    codeOf(() => policy.computeAv('nobody', disk, 'vm')),
    codeOf(() => policy.canonical(user)),
    codeOf(() => policy.declares('vm', [])),
    codeOf(() => policy.computeTransition(user, disk, 'vm')),
    codeOf(() => policy.computeChange(user, disk, 'vm')),
    codeOf(() => policy.computeMember(user, disk, 'vm')),
    codeOf(() => policy.validateTransition(disk, disk, user, 'vm')),
    codeOf(() => policy.explain(user, disk, 'vm', 'start')),
    codeOf(() => policy.hasTypeRule('type_change', user, disk, 'vm')),
    codeOf(() => policy.withBooleans({ starts: false }, 99)),
  ];
}
