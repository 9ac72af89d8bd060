import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mustLoad } from '../../support/policy/load.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const policy = mustLoad(smallPolicy());

describe('a level', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['s0', 's0', true],
    ['s1', 's0', true],
    ['s0', 's1', false],
    ['secret', 's1', true],
    ['s0:c0,c1', 's0:c1', true],
    ['s0:c1', 's0:c0,c1', false],
    ['s1', 's0:c0', false],
    ['s1:c0.c3', 's0:c1,c2', true],
  ];
  for (const [left, right, answer] of cases) {
    it(`${left} ${answer ? 'dominates' : 'does not dominate'} ${right}`, () => {
      assert.equal(policy.dominates(left, right), answer);
    });
  }

  it('that the policy does not have has no place in the order', () => {
    for (const text of ['', 's2', 's0:c9', 's0:', 's0 ', 's0-s1', 's0:c2.c1', '__proto__', 's0:c0\n']) {
      assert.equal(policy.dominates(text, 's0'), undefined, text);
      assert.equal(policy.dominates('s0', text), undefined, text);
    }
  });

  it('has only categories that go with its sensitivity', () => {
    const narrow = mustLoad(
      smallPolicy().replace('level s1:c0.c4', 'level s1:c0.c1').replaceAll('s1:c0.c4', 's1:c0.c1'),
    );
    assert.equal(narrow.dominates('s1:c1', 's0:c1'), true);
    assert.equal(narrow.dominates('s1:c2', 's0'), undefined);
  });
});

describe('a range', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['s0-s1:c0.c4', 's0:c1', true],
    ['s0-s1:c0.c4', 's0-s1:c0.c4', true],
    ['s0:c0-s1:c0', 's0', false],
    ['s0-s0:c0', 's0-s1', false],
    ['s1', 's1', true],
  ];
  for (const [outer, inner, answer] of cases) {
    it(`${outer} ${answer ? 'contains' : 'does not contain'} ${inner}`, () => {
      assert.equal(policy.contains(outer, inner), answer);
    });
  }

  it('that is none contains nothing and lies in nothing', () => {
    for (const text of ['', 's1-s0', 's0:c0-s0:c1', 's0-s9', 's0-s0-s0']) {
      assert.equal(policy.contains(text, 's0'), undefined, text);
      assert.equal(policy.contains('s0', text), undefined, text);
    }
  });
});

describe('what a policy says of a user', () => {
  it('is its roles, level and range', () => {
    assert.deepEqual(policy.user('user_u'), { roles: ['user_r'], level: 's0', range: 's0-s0:c0.c4' });
    assert.deepEqual(policy.user('system_u')?.roles, ['system_r', 'user_r']);
    assert.equal(policy.user('nobody_u'), undefined);
    assert.equal(policy.user('__proto__'), undefined);
  });

  it('has no levels without MLS, and levels cannot be compared', () => {
    const plain = mustLoad(
      smallPolicy()
        .replace(/^sensitivity[\s\S]*?(?=attribute domain)/m, '')
        .replace(/ level [^;]*;/g, ';')
        .replace(/:s0.*$/gm, ''),
    );
    assert.deepEqual(plain.user('user_u'), { roles: ['user_r'] });
    assert.equal(plain.dominates('s0', 's0'), undefined);
    assert.equal(plain.contains('s0', 's0'), undefined);
  });
});
