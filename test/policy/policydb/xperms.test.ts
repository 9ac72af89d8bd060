import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { buildPolicydb } from '../../../policy/build/build.ts';
import { parsePolicy } from '../../../policy/language/parse.ts';
import { listAt } from '../../../policy/policydb/lists.ts';
import { commonCommand, findXperms, hasCommand, type XpermAnswer } from '../../../policy/policydb/xperm-table.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

/** What the rules say of a command of `ioctl` between two types. */
function ask(rules: string, source: string, target: string, command: number): XpermAnswer {
  const more = { classes: 'class dir', access: 'class dir inherits file_like { ioctl }' };
  const parsed = parsePolicy([{ file: 'p', text: smallPolicy({ ...more, rules }) }]);
  const db = buildPolicydb(parsed);
  assert.ok(db !== undefined, JSON.stringify(parsed.diagnostics.found));
  const tclass = db.classes.values.get('dir') ?? 0;
  const [from, to] = [source, target].map((name) => listAt(db.types.attributesOf, db.types.values.get(name) ?? 0));
  return findXperms(db.xperms, from ?? [], to ?? [], tclass, db.classData[tclass]?.bits.get('ioctl') ?? 0, command);
}

const none = { ruled: false, allowed: false, auditallow: false, dontaudit: false };

describe('the commands of a permission', () => {
  it('are not ruled where no rule is about them', () => {
    assert.deepEqual(ask('allowxperm other_t other_t:dir ioctl 1;', 'user_t', 'other_t', 1), none);
  });

  it('are allowed where they are listed, through attributes and self', () => {
    const rules = 'allowxperm domain disk:dir ioctl { 0x10-0x1f 0x5401 }; allowxperm user_t self:dir ioctl 7;';
    assert.deepEqual(ask(rules, 'user_t', 'qemu_virtdisk_t', 0x1f), { ...none, ruled: true, allowed: true });
    assert.deepEqual(ask(rules, 'user_t', 'qemu_virtdisk_t', 0x20), { ...none, ruled: true });
    assert.deepEqual(ask(rules, 'user_t', 'user_t', 7), { ...none, ruled: true, allowed: true });
    assert.deepEqual(ask(rules, 'user_t', 'vm_user_t', 7), none);
  });

  it('are audited apart from that, and any rule rules them', () => {
    const rules = 'auditallowxperm user_t other_t:dir ioctl 1; dontauditxperm user_t other_t:dir ioctl ~2;';
    assert.deepEqual(ask(rules, 'user_t', 'other_t', 1), { ...none, ruled: true, auditallow: true, dontaudit: true });
    assert.deepEqual(ask(rules, 'user_t', 'other_t', 2), { ...none, ruled: true });
  });

  const range = fc
    .tuple(fc.nat(0xffff), fc.nat(0xffff))
    .map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
  const ranges = fc.array(range, { minLength: 1, maxLength: 6 });
  const commands = (sign: string, of: readonly { low: number; high: number }[]) => {
    const list = of.map(({ low, high }) => `${low}-${high}`).join(' ');
    const more = { classes: 'class dir', access: 'class dir inherits file_like { ioctl }' };
    const rules = `allowxperm user_t other_t:dir ioctl ${sign}{ ${list} };`;
    const db = buildPolicydb(parsePolicy([{ file: 'p', text: smallPolicy({ ...more, rules }) }]));
    return db?.xperms.lists[0] ?? Uint16Array.of();
  };

  it('are those of the ranges, joined and in order, or all others', () => {
    fc.assert(
      fc.property(ranges, fc.nat(0xffff), (of, command) => {
        const listed = of.some(({ low, high }) => low <= command && command <= high);
        const [list, others] = [commands('', of), commands('~', of)];
        assert.equal(hasCommand(list, command), listed);
        assert.equal(hasCommand(others, command), !listed);
        assert.deepEqual(
          [...list],
          [...list].sort((a, b) => a - b),
        );
        assert.equal(commonCommand(list, others), undefined);
        if (listed) assert.ok(commonCommand(list, Uint16Array.of(command, command)) === command);
      }),
      { numRuns: 40 },
    );
  });
});
