import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Statement } from '../../../policy/language/ast.ts';
import { parsePolicy } from '../../../policy/language/parse.ts';
import { printPolicy } from '../../../policy/language/print.ts';
import { compile, withTemporaryFolder } from '../../support/policy/checkpolicy.ts';
import { handWritten } from '../../support/policy/hand-written.ts';
import { randomPolicy } from '../../support/policy/random-policy.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const everything = smallPolicy({
  classes: 'class dir',
  access: 'class dir inherits file_like { ioctl }',
  defaults: 'default_user { vm file } source; default_range vm target low-high; default_range file glblub;',
  mls: 'mlsvalidatetrans file ( l1 eq l2 or t3 == kernel_t );',
  rules: `type child_t alias { kid_t offspring_t }, domain, disk; typebounds user_t child_t; expandattribute disk true;
policycap open_perms; permissive other_t; tunable t false; attribute_role staff; role more_r, staff; roleattribute user_r staff;
neverallow ~{ domain -user_t } self:vm ~start; auditdeny user_t { self other_t }:{ file dir } *;
type_transition user_t disk:file other_t "a name"; range_transition user_t disk s0:c0,c2.c4 - s1:c0.c4; allow user_r system_r;
role_transition staff disk:vm system_r; if (on == !off && (on || off) ^ !(on && off)) { dontaudit user_t other_t:file read; } else { require { role user_r; } allow user_t other_t:file read; }
allowxperm user_t { self other_t }:dir ioctl { 0x8900-0x8910 { 5 } }; auditallowxperm user_t other_t:dir ioctl 017;
dontauditxperm domain disk:dir ioctl ~{ 0x1 }; neverallowxperm * ~other_t:dir ioctl ~0x5401;
optional { require { type late_t, user_t; class file { read write }; class vm start; role user_r; attribute domain; attribute_role staff;
user user_u; bool on; tunable t; sensitivity s0; category c0, c1; } allow late_t user_t:file read; optional { ; }
if (on) { allow user_t user_t:file read; } type inner_t, domain; user user_u roles user_r level s0 range s0; }
else { allow user_t user_t:file write; optional { type deep_t; } else { allow user_t user_t:file read; } }`,
  constraints:
    'constrain vm { start stop } ( not (u1 == u2 or r1 dom r2) and h1 incomp l2 or t2 != { user_t other_t } );',
  contexts: `fscon 8 0x10 system_u:object_r:other_t:s0 system_u:object_r:other_t:s0
fs_use_xattr ext4 system_u:object_r:other_t:s0;
genfscon proc / system_u:object_r:other_t:s0
genfscon proc /a"b;c -- system_u:object_r:other_t:s0
genfscon 9p "/a b" -- system_u:object_r:other_t:s0
genfscon proc /sys -d system_u:object_r:other_t:s0
portcon tcp 80 system_u:object_r:other_t:s0
portcon udp 0x10-020 system_u:object_r:other_t:s0:c0
netifcon lo system_u:object_r:other_t:s0 system_u:object_r:other_t:s0 - s1
nodecon 127.0.0.1 255.255.255.255 system_u:object_r:other_t:s0
nodecon ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff system_u:object_r:other_t:s0
ibpkeycon fe80:: 0-0x10 system_u:object_r:other_t:s0
ibendportcon mlx4_0 1 system_u:object_r:other_t:s0`,
});

/** What only a policy for Xen may say. */
const devices = smallPolicy({
  contexts: `pirqcon 33 system_u:object_r:other_t:s0
iomemcon 0xfeb20-0xfffffffffffffffe system_u:object_r:other_t:s0 iomemcon 017 system_u:object_r:other_t:s0
ioportcon 0xc000-0xc0ff system_u:object_r:other_t:s0 pcidevicecon 0xc800 system_u:object_r:other_t:s0
devicetreecon "/this is/a path" system_u:object_r:other_t:s0 devicetreecon /a"b system_u:object_r:other_t:s0`,
});

/** The statements without their places. */
function statements(text: string): unknown {
  const parsed = parsePolicy([{ file: 'p', text }]);
  assert.deepEqual(parsed.diagnostics.found, []);
  return JSON.parse(
    JSON.stringify(parsed.statements, (key, value) =>
      key === 'start' || key === 'end' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
    ),
  );
}

const printed = (text: string): string => printPolicy(parsePolicy([{ file: 'p', text }]).statements as Statement[]);

describe('a printed policy', () => {
  it('reads back as the same statements, of every kind', () => {
    for (const text of [everything, devices]) assert.deepEqual(statements(printed(text)), statements(text));
  });

  it('reads back as the same statements, of hand-written and random policies', () => {
    const texts = [
      ...Object.values(handWritten).map(({ text }) => text),
      ...Array.from({ length: 40 }, (_, seed) => randomPolicy(seed).text),
    ];
    for (const text of texts) assert.deepEqual(statements(printed(text)), statements(text));
  });

  it('prints the same again', () => {
    assert.equal(printed(printed(everything)), printed(everything));
  });

  it('does not nest brackets for operators in a row', () => {
    const text = smallPolicy({
      constraints: `constrain vm start ( ${Array.from({ length: 300 }, () => 'u1 == u2').join(' or ')} );`,
    });
    assert.deepEqual(statements(printed(text)), statements(text));
  });

  it('is the same policy to checkpolicy', () => {
    withTemporaryFolder((folder) => {
      const text = Object.values(handWritten)[0]?.text ?? '';
      for (const one of [text, everything]) {
        const before = compile(folder, one, true);
        const after = compile(folder, printed(one), true);
        assert.deepEqual([before.ok, after.ok], [true, true], `${before.output}${after.output}`);
      }
    });
  });
});
