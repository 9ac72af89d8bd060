import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mustLoad } from '../../support/policy/load.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const user = 'system_u:user_r:user_t:s0';
const kernel = 'system_u:system_r:kernel_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0';

function ask(rules: string, command: number, source = user) {
  const text = smallPolicy({ classes: 'class chr_file', access: 'class chr_file { ioctl read }', rules });
  return mustLoad(text).computeCommand(source, disk, 'chr_file', 'ioctl', command);
}
const grant = 'allow domain disk:chr_file { ioctl read };';

describe('a command of a permission', () => {
  it('is decided by the permission alone where no rule is about commands', () => {
    assert.deepEqual(ask(grant, 0x5401), { allowed: true, audited: false, ruled: false });
    assert.deepEqual(ask('', 0x5401), { allowed: false, audited: true, ruled: false, reason: 'TE' });
  });

  it('must be among the allowed ones where some rule is about commands, through attributes too', () => {
    const rules = `${grant} allowxperm user_t qemu_virtdisk_t:chr_file ioctl { 0x5401 0x8900-0x8910 }; allowxperm domain disk:chr_file ioctl 0x42;`;
    const allowed = [0x5401, 0x8900, 0x8905, 0x8910, 0x42];
    for (const command of allowed) assert.equal(ask(rules, command).allowed, true, String(command));
    for (const command of [0x5400, 0x5402, 0x88ff, 0x8911, 0, 0xffff]) {
      assert.deepEqual(ask(rules, command), { allowed: false, audited: true, ruled: true, reason: 'TE' });
    }
    assert.equal(ask(rules, 0x5401, kernel).allowed, false);
    assert.equal(ask(rules, 0x42, kernel).allowed, true);
  });

  it('is not granted by a rule about commands where the permission is not', () => {
    const rules = 'allow user_t disk:chr_file read; allowxperm user_t disk:chr_file ioctl 0x42;';
    assert.deepEqual(ask(rules, 0x42), { allowed: false, audited: true, ruled: true, reason: 'TE' });
  });

  it('is a number of 16 bits: the size and direction above are not looked at', () => {
    const rules = `${grant} allowxperm user_t disk:chr_file ioctl 0x5401;`;
    assert.equal(ask(rules, 0x8004_5401).allowed, true);
  });

  it('is logged as the rules about it say', () => {
    const rules = `${grant} allowxperm user_t disk:chr_file ioctl { 1 2 }; auditallow user_t disk:chr_file ioctl;
auditallowxperm user_t disk:chr_file ioctl 2; dontauditxperm user_t disk:chr_file ioctl 4;`;
    assert.deepEqual(
      [1, 2, 3, 4].map((command) => ask(rules, command)),
      [
        { allowed: true, audited: false, ruled: true },
        { allowed: true, audited: true, ruled: true },
        { allowed: false, audited: true, ruled: true, reason: 'TE' },
        { allowed: false, audited: false, ruled: true, reason: 'TE' },
      ],
    );
    const plain = `${grant} auditallow user_t disk:chr_file ioctl; dontaudit user_t disk:chr_file read;`;
    assert.equal(ask(plain, 1).audited, true);
    assert.equal(ask('dontaudit user_t disk:chr_file ioctl;', 1).audited, false);
  });

  it('of what the policy does not know is refused', () => {
    const policy = mustLoad(smallPolicy());
    assert.equal(policy.computeCommand(user, disk, 'chr_file', 'ioctl', 1).reason, 'UNKNOWN');
    assert.equal(policy.computeCommand(user, disk, 'file', 'ioctl', 1).reason, 'UNKNOWN');
    assert.deepEqual(policy.computeCommand('x', disk, 'file', 'read', 1), {
      allowed: false,
      audited: true,
      ruled: false,
      reason: 'INVALID',
    });
  });
});
