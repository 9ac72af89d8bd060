import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mustLoad } from '../../support/policy/load.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const policy = mustLoad(smallPolicy());

describe('a context', () => {
  const valid: readonly (readonly [string, string])[] = [
    ['user_u:user_r:user_t:s0', 'user_u:user_r:user_t:s0'],
    ['user_u:user_r:user_t:s0-s0', 'user_u:user_r:user_t:s0'],
    ['system_u:system_r:kernel_t:s0-secret:c0,c1', 'system_u:system_r:kernel_t:s0-s1:c0,c1'],
    ['user_u:object_r:virtdisk_t:s0:c2,c1,c0', 'user_u:object_r:qemu_virtdisk_t:s0:c0.c2'],
    ['user_u:object_r:other_t:s0:c0,c1,c3,c4', 'user_u:object_r:other_t:s0:c0,c1,c3,c4'],
    ['user_u:object_r:other_t:s0:c0.c4-s1:c0.c4', 'user_u:object_r:other_t:s0:c0.c4-s1:c0.c4'],
    ['user_u:object_r:kernel_t:s1', 'user_u:object_r:kernel_t:s1'],
  ];
  for (const [text, canonical] of valid) {
    it(`${text} is ${canonical}`, () => {
      assert.equal(policy.canonical(text), canonical);
      assert.equal(policy.canonical(canonical), canonical);
    });
  }

  const invalid: readonly (readonly [string, string])[] = [
    ['', 'it is empty'],
    ['user_u:user_r:user_t', 'the level is missing'],
    ['user_u:user_r:user_t:', 'the level is empty'],
    ['nobody_u:user_r:user_t:s0', 'the user is not declared'],
    ['user_u:nobody_r:user_t:s0', 'the role is not declared'],
    ['user_u:user_r:domain:s0', 'the type is an attribute'],
    ['user_u:user_r:kernel_t:s0', 'the role may not have the type'],
    ['user_u:object_r:domain:s0', 'the type is an attribute, also with object_r'],
    ['user_u:system_r:kernel_t:s0', 'the user may not have the role'],
    ['user_u:user_r:user_t:s1', 'the user may not have the level'],
    ['user_u:object_r:other_t:s1-s0', 'the range runs backwards'],
    ['user_u:object_r:other_t:s0:c0-s0:c1', 'the high level lacks a category of the low one'],
    ['user_u:object_r:other_t:s0:c9', 'the category is not declared'],
    ['user_u:object_r:other_t:s0:c1.c1', 'a range of categories with one end'],
    ['user_u:object_r:other_t:s0:c2.c1', 'categories run backwards'],
    ['user_u:object_r:other_t:s0:', 'the categories are empty'],
    ['user_u:object_r:other_t:s0-s1:c0-s1', 'something stands after the high level'],
    ['user_u:object_r:other_t:s0\n', 'a line feed stands at the end'],
    [` user_u:object_r:other_t:s0`, 'a blank stands before it'],
  ];
  for (const [text, why] of invalid) {
    it(`${JSON.stringify(text)} is not valid: ${why}`, () => assert.equal(policy.canonical(text), undefined));
  }

  it('has only categories that go with its sensitivity', () => {
    const narrow = mustLoad(
      smallPolicy().replace('level s1:c0.c4', 'level s1:c0.c1').replaceAll('s1:c0.c4', 's1:c0.c1'),
    );
    assert.equal(narrow.canonical('system_u:object_r:other_t:s0-s1:c1'), 'system_u:object_r:other_t:s0-s1:c1');
    assert.equal(narrow.canonical('system_u:object_r:other_t:s0-s1:c2'), undefined);
  });

  it('of a policy without MLS has no level', () => {
    const plain = mustLoad(
      smallPolicy()
        .replace(/^sensitivity[\s\S]*?(?=attribute domain)/m, '')
        .replace(/ level [^;]*;/g, ';')
        .replace(/:s0.*$/gm, ''),
    );
    assert.equal(plain.mls, false);
    assert.equal(plain.canonical('user_u:user_r:user_t'), 'user_u:user_r:user_t');
    assert.equal(plain.canonical('user_u:user_r:user_t:s0'), undefined);
  });

  it('is an answer, never an exception, whatever the text', () => {
    const part = fc.constantFrom(
      'user_u',
      'object_r',
      'other_t',
      's0',
      'c0',
      ':',
      ',',
      '.',
      '-',
      '__proto__',
      'constructor',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const canonical = policy.canonical(parts.join(''));
        assert.ok(canonical === undefined || policy.canonical(canonical) === canonical);
      }),
    );
    assert.equal(policy.canonical(`user_u:object_r:other_t:s0:${'c0,'.repeat(100_000)}c0`), undefined);
  });
});
