/* Runs in the guest, in a domain that may ask for access vectors and contexts only, while the kernel enforces. */
import { readFileSync } from 'node:fs';
import { openKernel } from '../../../../policy/kernel/kernel.ts';
import { codeOf, say } from './say.ts';

const user = 'user_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0';
say('domain', readFileSync('/proc/self/attr/current', 'latin1').replace('\0', ''));
const kernel = openKernel();
const policy = kernel.current();
say('digest', policy.digest ?? 'unreadable');
say('av', policy.computeAv(user, disk, 'vm').allowed);
say('explained', policy.explain(user, disk, 'vm', 'start'));
say('refused', [
  codeOf(() => policy.computeTransition(user, disk, 'vm')),
  codeOf(() => policy.computeChange(user, disk, 'vm')),
  codeOf(() => policy.computeMember(user, disk, 'vm')),
  codeOf(() => policy.validateTransition(disk, disk, user, 'vm')),
  codeOf(() => policy.hasTypeRule('type_change', user, disk, 'vm')),
  codeOf(() => policy.withBooleans({ starts: true }, 99)),
  codeOf(() => kernel.setBooleans({ starts: true })),
  codeOf(() => kernel.setEnforcing(false)),
]);
say('booleans', [...kernel.current().booleans]);
