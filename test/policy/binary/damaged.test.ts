import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { loadBinary } from '../../../policy/binary/load-binary.ts';
import { type ReadBinary, readBinary } from '../../../policy/binary/read-binary.ts';
import { boundsDepthMax } from '../../../policy/policydb/bounds.ts';
import { askEngine } from '../../support/policy/ask-engine.ts';
import { compileVersions, mustCompile } from '../../support/policy/binary.ts';
import { everything } from '../../support/policy/everything.ts';
import { createRandom } from '../../support/policy/random.ts';
import { randomQuestions } from '../../support/policy/random-questions.ts';
import { boundsChain, smallPolicy } from '../../support/policy/small-policy.ts';

const mutations = 2000;
let plain: Uint8Array;
let compressed: Uint8Array;

before(() => {
  const made = compileVersions(everything.text, true, [30, 33]);
  plain = made?.get(30) ?? assert.fail();
  compressed = made?.get(33) ?? assert.fail();
});

/** The one diagnostic, which must name a byte of the file. */
function refusal(read: ReadBinary, length: number): string {
  assert.ok(!read.ok, 'the bytes are a policy');
  const [only, ...more] = read.diagnostics;
  assert.ok(only !== undefined && more.length === 0);
  assert.equal(only.file, 'policy.bin');
  const offset = Number(/^byte (\d+): ./.exec(only.message)?.[1]);
  assert.ok(offset >= 0 && offset <= length, only.message);
  return only.message;
}

function changed(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  change(new DataView(copy.buffer));
  return copy;
}

describe('a damaged binary policy is a diagnostic that names the byte', () => {
  it('when it ends early, wherever that is', () => {
    for (const [bytes, step] of [
      [compressed, 1],
      [plain, 5],
    ] as const) {
      for (let length = 0; length < bytes.length; length += step) {
        refusal(readBinary(bytes.subarray(0, length), 'policy.bin'), length);
      }
    }
  });

  it('when something follows it', () => {
    const longer = new Uint8Array(compressed.length + 1);
    longer.set(compressed);
    assert.match(refusal(readBinary(longer, 'policy.bin'), longer.length), /1 bytes after the end/);
  });

  it('when its version, target or configuration is not known', () => {
    const cases: [number, number, RegExp][] = [
      [0, 0xf97cff8d, /byte 0: a policy module/],
      [0, 1, /byte 0: the magic number/],
      [4, 9, /byte 4: a target of 9 bytes/],
      [16, 29, /byte 16: policy version 29/],
      [16, 34, /byte 16: policy version 34/],
      [20, 9, /byte 20: unknown configuration bits 0x8/],
      [20, 7, /byte 20: .* both allowed and rejected/],
      [24, 9, /byte 24: 9 and 9 tables/],
    ];
    for (const [offset, value, expected] of cases) {
      const bytes = changed(compressed, (view) => view.setUint32(offset, value, true));
      assert.match(refusal(readBinary(bytes, 'policy.bin'), bytes.length), expected);
    }
  });

  it('when types bound one another in a circle, or without end', () => {
    const bytes = mustCompile(smallPolicy({ rules: boundsChain(3) }));
    const entryOf = (name: string): number => Buffer.from(bytes).indexOf(name) - 16;
    const numberOf = (name: string): number => new DataView(bytes.buffer).getUint32(entryOf(name) + 4, true);
    const circle = changed(bytes, (view) => view.setUint32(entryOf('c0_t') + 12, numberOf('c3_t'), true));
    assert.match(refusal(readBinary(circle, 'policy.bin'), circle.length), /type `c\d_t` is bounded by itself/);
    const deep = mustCompile(smallPolicy({ rules: boundsChain(boundsDepthMax + 1) }));
    assert.match(refusal(readBinary(deep, 'policy.bin'), deep.length), /bounded through more than 100 others/);
    assert.ok(readBinary(mustCompile(smallPolicy({ rules: boundsChain(boundsDepthMax) })), 'policy.bin').ok);
  });

  it('and with any bytes changed it is refused, or a policy that answers', () => {
    const random = createRandom(5);
    const questions = randomQuestions(everything, 3, 60);
    let refused = 0;
    for (let round = 0; round < mutations; round++) {
      const bytes = (round % 2 === 0 ? plain : compressed).slice();
      for (let change = 0; change <= random.below(3); change++) {
        const at = random.below(bytes.length);
        bytes[at] = random.chance(30)
          ? random.pick([0, 1, 0x7f, 0x80, 0xff])
          : (bytes[at] ?? 0) ^ (1 << random.below(8));
      }
      const loaded = loadBinary(bytes, 'policy.bin');
      if (loaded.ok) askEngine(loaded.policy, questions.filter(answerable(loaded.policy.booleans)));
      else refused++;
    }
    assert.ok(refused > mutations / 4 && refused < mutations, `${refused} refused`);
  });

  it('and few bytes cannot ask for much memory', () => {
    const huge = changed(compressed, (view) => view.setUint32(28 + 12, 0xffff_ffff, true));
    refusal(readBinary(huge, 'policy.bin'), huge.length);
    assert.match(
      refusal(readBinary(new Uint8Array(33 * 1024 * 1024), 'policy.bin'), 33 * 1024 * 1024),
      /byte 0: 34603008 bytes, more than/,
    );
  });
});

function answerable(booleans: ReadonlyMap<string, boolean>) {
  return (question: ReturnType<typeof randomQuestions>[number]): boolean =>
    question.ask !== 'bool' || booleans.has(question.name);
}
