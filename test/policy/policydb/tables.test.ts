import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ALLOW,
  AUDITALLOW,
  AUDITDENY,
  addAccess,
  createAccessTable,
  UNCONDITIONAL,
} from '../../../policy/policydb/access-table.ts';
import {
  bitsOf,
  createBitmap,
  includesAll,
  intersect,
  isEmpty,
  sameBits,
  setBit,
  uniteInto,
} from '../../../policy/policydb/bitmap.ts';
import { addRow, createKeyIndex, findRow, rowClass, rowSource, rowTarget } from '../../../policy/policydb/key-index.ts';
import { addTypeRule, createTypeTable, findTypeRule } from '../../../policy/policydb/type-table.ts';

const member = fc.integer({ min: 0, max: 100 });
const bitmap = (values: Iterable<number>) => {
  const made = createBitmap(100);
  for (const value of values) setBit(made, value);
  return made;
};

describe('bitmaps', () => {
  it('agree with sets', () => {
    fc.assert(
      fc.property(fc.array(member), fc.array(member), (left, right) => {
        const [a, b] = [new Set(left), new Set(right)];
        const sorted = (set: Iterable<number>) => [...set].sort((x, y) => x - y);
        assert.deepEqual(bitsOf(bitmap(a)), sorted(a));
        assert.deepEqual(
          bitsOf(intersect(bitmap(a), bitmap(b))),
          sorted(a).filter((one) => b.has(one)),
        );
        assert.equal(
          includesAll(bitmap(a), bitmap(b)),
          sorted(b).every((one) => a.has(one)),
        );
        assert.equal(sameBits(bitmap(a), bitmap(b)), sorted(a).join() === sorted(b).join());
        assert.equal(isEmpty(bitmap(a)), a.size === 0);
        const union = bitmap(a);
        uniteInto(union, bitmap(b));
        assert.deepEqual(bitsOf(union), sorted(new Set([...a, ...b])));
      }),
    );
  });
});

describe('the key index', () => {
  it('agrees with a Map, up to the largest values', () => {
    const value = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(65_535, 65_534, 32_768));
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value), { maxLength: 400 }), (keys) => {
        const index = createKeyIndex();
        const known = new Map<string, number>();
        for (const [source, target, tclass] of keys) {
          const row = addRow(index, source, target, tclass);
          const before = known.get(`${source} ${target} ${tclass}`);
          assert.equal(row, before ?? known.size);
          known.set(`${source} ${target} ${tclass}`, row);
          assert.deepEqual(
            [rowSource(index, row), rowTarget(index, row), rowClass(index, row)],
            [source, target, tclass],
          );
        }
        assert.equal(findRow(index, 9, 9, 9), -1);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the access table', () => {
  it('joins rules of one key, and keeps those of branches apart', () => {
    const table = createAccessTable();
    const rule = { vector: ALLOW, branch: UNCONDITIONAL, statement: 0 } as const;
    addAccess(table, 1, 2, 3, { ...rule, perms: 1 });
    addAccess(table, 1, 2, 3, { ...rule, perms: 4 });
    addAccess(table, 1, 2, 3, { ...rule, vector: AUDITALLOW, perms: 2 });
    addAccess(table, 1, 2, 3, { ...rule, vector: AUDITDENY, perms: ~8 });
    addAccess(table, 1, 2, 3, { ...rule, branch: 1, perms: 16 });
    const row = findRow(table.index, 1, 2, 3);
    assert.equal(table.allow.data[row], 5);
    assert.equal(table.auditallow.data[row], 2);
    assert.equal(table.auditdeny.data[row], ~8);
    assert.equal(table.branches.allow.data[table.conditional.data[row] ?? -1], 16);
  });
});

describe('a table of type rules', () => {
  const rule = { type: 7, branch: UNCONDITIONAL, statement: 0 };
  const add = (...rules: { type: number; branch: number }[]) => {
    const table = createTypeTable();
    return rules.map((one, statement) => addTypeRule(table, 1, 2, 3, { ...one, statement }).outcome);
  };

  it('takes the same rule twice, and refuses another type', () => {
    assert.deepEqual(add(rule, rule, { ...rule, type: 8 }), ['added', 'same', 'conflict']);
  });

  it('lets only the two sides of one conditional give different types', () => {
    assert.deepEqual(add({ type: 7, branch: 0 }, { type: 8, branch: 1 }), ['added', 'added']);
    assert.deepEqual(add({ type: 7, branch: 0 }, { type: 7, branch: 2 }), ['added', 'duplicate']);
    assert.deepEqual(add({ type: 7, branch: 0 }, { type: 8, branch: 2 }), ['added', 'conflict']);
    assert.deepEqual(add(rule, { type: 7, branch: 0 }), ['added', 'duplicate']);
  });

  it('finds the rule whose branch is on', () => {
    const table = createTypeTable();
    addTypeRule(table, 1, 2, 3, { type: 7, branch: 0, statement: 0 });
    addTypeRule(table, 1, 2, 3, { type: 8, branch: 1, statement: 1 });
    assert.equal(table.type.data[findTypeRule(table, 1, 2, 3, Uint8Array.of(0, 1))], 8);
    assert.equal(table.type.data[findTypeRule(table, 1, 2, 3, Uint8Array.of(1, 0))], 7);
    assert.equal(findTypeRule(table, 1, 2, 4, Uint8Array.of(1, 0)), -1);
  });
});
