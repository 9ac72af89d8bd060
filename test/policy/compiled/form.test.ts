import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { compilePolicy } from '../../../policy/compiled/compile.ts';
import { type Answers, readAnswers, readExplanations, storeAnswers } from '../../../policy/compiled/content.ts';
import { engineDigest } from '../../../policy/compiled/engine-digest.ts';
import {
  type Form,
  isFormFor,
  isSecondPart,
  readFirstPart,
  readSecondPart,
  writeForm,
} from '../../../policy/compiled/form.ts';
import { pack, unpack } from '../../../policy/compiled/pack.ts';
import type { AccessTable } from '../../../policy/policydb/access-table.ts';
import { everything } from '../../support/policy/everything.ts';
import { createRandom } from '../../support/policy/random.ts';

const sourceDigest = 'ab'.repeat(32);
const key = { sourceDigest, engineDigest: engineDigest() };

describe('a packed value', () => {
  it('comes back with views on the columns it was given, and what was shared is shared', () => {
    const words = Int32Array.of(1, -2, 3);
    const value = { words, again: words, names: ['a', 'b'], map: new Map([[1, new Set([2])]]), nothing: undefined };
    const { tree, columns } = pack(value);
    const bytes = new Uint8Array(Buffer.concat(columns));
    const back = unpack(tree, bytes) as typeof value;
    assert.deepEqual(back, value);
    assert.equal(back.words, back.again);
    assert.equal(back.words.buffer, bytes.buffer);
  });

  it('whose column lies outside throws', () => {
    const { tree, columns } = pack({ words: new Int32Array(64) });
    const bytes = new Uint8Array(Buffer.concat(columns));
    assert.throws(() => unpack(tree, bytes.subarray(0, 8)), RangeError);
  });
});

describe('a compiled form', () => {
  let form: Form;
  before(() => {
    const compiled = compilePolicy(new Uint8Array(Buffer.from(everything.text)), sourceDigest);
    assert.ok(compiled.ok);
    form = compiled.form;
  });

  it('is for one source and one state of the code', () => {
    const { first, second } = form;
    assert.ok(isFormFor(first, key) && isSecondPart(first, second));
    assert.ok(!isFormFor(first, { ...key, sourceDigest: 'ac'.repeat(32) }));
    assert.ok(!isFormFor(first, { ...key, engineDigest: 'ab'.repeat(32) }));
    assert.ok(!isFormFor(first.subarray(0, 100), key));
    const longer = new Uint8Array(first.length + 8);
    longer.set(first);
    assert.ok(!isFormFor(longer, key));
    assert.ok(!isSecondPart(first, second.subarray(8)));
  });

  it('with any byte of its header or content changed is none', () => {
    const random = createRandom(3);
    const { first, second } = form;
    const places = [...Array(160).keys(), ...Array.from({ length: 300 }, () => random.below(first.length))];
    for (const at of places) {
      const damaged = first.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
      assert.ok(!isFormFor(damaged, key), `byte ${at}`);
    }
    for (let round = 0; round < 300; round++) {
      const damaged = second.slice();
      const at = random.below(second.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
      assert.ok(!isSecondPart(first, damaged), `byte ${at}`);
    }
  });

  it('whose tables cannot be followed is refused, though its digests fit', () => {
    type Origins = AccessTable['origins'];
    const wrongs: readonly ((db: Answers['db'], origins: Origins) => void)[] = [
      ({ access }) => access.index.slots.fill(0),
      ({ access }) => (access.index.slots[access.index.slots.indexOf(0)] = 1_000_000),
      ({ access }) => (access.index.slots = new Int32Array(3).fill(-1)),
      (_, origins) => (origins.first.data[0] = origins.next.length),
      (_, origins) => (origins.first.data[0] = -2),
      ({ access }) => (access.branches.next.data[0] = 7),
      ({ access }) => (access.branches.branch.data[0] = 400),
      ({ access }) => (access.allow.data = access.allow.data.subarray(1)),
      ({ access }) => (access.auditdeny.length += 1),
      ({ typeRules }) => (typeRules.type_transition.first.data[0] = 99_999),
      ({ typeRules }) => (typeRules.type_change.next.data[0] = 0),
      ({ xperms }) => (xperms.first.data[0] = 99_999),
      ({ xperms }) => (xperms.commands.data[0] = xperms.lists.length),
      ({ types }) => (types.attributesOf = { ...types.attributesOf, starts: types.attributesOf.starts.slice(1) }),
      ({ types }) => (types.attributesOf.starts[1] = 60_000),
      ({ access }) => (access.presence = undefined),
      ({ roles }) => (roles.types = []),
      (_, origins) => (origins.next.data[0] = 0),
      (_, origins) => (origins.branch.data[0] = 400),
      (_, origins) => (origins.statement.length -= 1),
    ];
    const check = (one: Form) => readExplanations(one, readAnswers(one.first));
    for (const wrong of wrongs) {
      const copy = { first: form.first.slice(), second: form.second.slice() };
      const answers = readAnswers(copy.first);
      const explanations = readExplanations(copy, answers);
      wrong(answers.db, explanations.origins);
      const made = writeForm(pack(storeAnswers(answers)), pack(explanations), key);
      assert.ok(isFormFor(made.first, key) && isSecondPart(made.first, made.second));
      assert.throws(() => check(made), RangeError, wrong.toString());
    }
    check(form);
  });

  it('that holds something else throws, and nothing worse', () => {
    for (const value of [undefined, 7, [], { db: {} }, { db: { access: 1 } }]) {
      const made = writeForm(pack(value), pack(value), key);
      assert.ok(isFormFor(made.first, key));
      assert.throws(() => readAnswers(made.first));
      assert.throws(() => readExplanations(made, readAnswers(form.first)));
    }
    const seven = writeForm(pack(7), pack('seven'), key);
    assert.deepEqual([readFirstPart(seven.first), readSecondPart(seven)], [7, 'seven']);
  });
});
