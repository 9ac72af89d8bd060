import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { describeBinary } from '../../../policy/binary/describe.ts';
import { readBinary } from '../../../policy/binary/read-binary.ts';
import { readPolicyFile } from '../../../policy/read-policy-file.ts';
import { compileVersions, mustCompile } from '../../support/policy/binary.ts';
import { everything } from '../../support/policy/everything.ts';

function textsOf(bytes: Uint8Array): string[] {
  const read = readBinary(bytes, 'policy.bin');
  assert.ok(read.ok);
  const describeOne = describeBinary(
    bytes,
    'policy.bin',
    read.db,
    read.statements.starts.data,
    read.statements.sections,
  );
  return read.db.spans.starts.map((_, statement) => {
    const { file, line, text } = describeOne(statement);
    assert.deepEqual([file, line], ['policy.bin', 0]);
    return text;
  });
}

describe('a rule of a binary policy has no line, and is written as policy text', () => {
  const expected = [
    'mlsconstrain dir { read getattr } (l1 dom l2 or t1 == domain);',
    'mlsvalidatetrans file (l1 == l2 or t3 == { kernel_t domain });',
    'validatetrans dir (u1 == u2 and r3 != staff_r or t1 != t2);',
    'typebounds parent_t parent_t.child_t;',
    'allow domain disk:file { read write getattr };',
    'auditallow domain disk:file write;',
    'dontaudit domain other_t:file { read write getattr execute };',
    'type_member user_t qemu_virtdisk_t:dir user_t;',
    'role_transition user_r qemu_virtdisk_t:process staff_r;',
    'allow system_r staff_r;',
    'auditallowxperm domain disk:chr_file ioctl { 0x8901 };',
    'allowxperm user_t disk:chr_file ioctl { 0x8900-0x8910 };',
    'range_transition user_t other_t:file s1:c2;',
  ];

  it('of every kind', () => {
    const texts = textsOf(mustCompile(everything.text));
    for (const text of expected) assert.ok(texts.includes(text), `${text} is not among\n${texts.join('\n')}`);
    assert.ok(!texts.includes(''));
  });

  it('also by file name, with one source or with several', () => {
    const made = compileVersions(everything.text, true, [32, 33]);
    const byName = (version: number): string[] =>
      textsOf(made?.get(version) ?? assert.fail())
        .filter((text) => text.includes('"'))
        .sort();
    const [, one, several] = byName(33);
    assert.equal(one, 'type_transition user_t qemu_virtdisk_t:file other_t "disk.img";');
    const sources = /^type_transition \{ (.*) \} other_t:dir vm_user_t "a name";$/.exec(several ?? '')?.[1];
    assert.deepEqual(sources?.split(' ').sort(), ['kernel_t', 'parent_t', 'parent_t.child_t', 'user_t', 'vm_user_t']);
    assert.equal(byName(32).length, 7);
    assert.ok(byName(32).includes('type_transition parent_t other_t:dir vm_user_t "a name";'));
  });

  it('in the explanation of an answer, from a file that was recognised as binary', () => {
    const folder = mkdtempSync(join(tmpdir(), 'carnet-binary-'));
    try {
      const path = join(folder, 'policy.bin');
      writeFileSync(path, mustCompile(everything.text));
      const loaded = readPolicyFile(path, { seqno: 4 });
      assert.ok(loaded.ok);
      const { policy } = loaded;
      assert.equal(policy.seqno, 4);
      const [user, disk] = ['user_u:user_r:user_t:s0', 'system_u:object_r:virtdisk_t:s0'];
      assert.deepEqual(policy.explain(user, disk, 'file', 'read').granting, [
        { file: path, line: 0, text: 'allow domain disk:file { read write getattr };' },
      ]);
      const high = policy.explain(user, 'system_u:object_r:virtdisk_t:s1', 'file', 'write');
      assert.equal(high.blocking?.text, 'mlsconstrain file write (l1 == l2);');
      const changed = policy.computeChange(user, 'system_u:object_r:other_t:s0', 'file');
      assert.equal(changed.ok && changed.rule?.text, 'type_change user_t other_t:file vm_user_t;');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
