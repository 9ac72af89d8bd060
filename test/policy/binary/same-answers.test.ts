import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { loadBinary } from '../../../policy/binary/load-binary.ts';
import { partsOf } from '../../../policy/decide/create-policy.ts';
import type { LoadedPolicy } from '../../../policy/policy.ts';
import { shippedText } from '../../support/gate/shipped.ts';
import { askEngine } from '../../support/policy/ask-engine.ts';
import { binaryVersions, compileVersions, mustCompile } from '../../support/policy/binary.ts';
import type { Question } from '../../support/policy/checkpolicy.ts';
import { everything } from '../../support/policy/everything.ts';
import { handWritten } from '../../support/policy/hand-written.ts';
import { mustLoad, mustRefuse } from '../../support/policy/load.ts';
import { namesOf } from '../../support/policy/names-of.ts';
import { type RandomPolicy, randomPolicy } from '../../support/policy/random-policy.ts';
import { randomQuestions } from '../../support/policy/random-questions.ts';
import { smallPolicy } from '../../support/policy/small-policy.ts';

const questionsEach = 1200;
const randomPolicies = 5;
const fileNames = ['disk.img', 'a name', 'other'];

function mustRead(bytes: Uint8Array): LoadedPolicy {
  const loaded = loadBinary(bytes, 'policy.bin');
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.diagnostics[0]?.message);
  return loaded.policy;
}

/** The answer in full: audit vectors, and what has a name, too. */
function answers(policy: LoadedPolicy, questions: readonly Question[]): unknown[] {
  const plain = askEngine(policy, questions);
  return questions.map((question, index) => {
    if (question.ask === 'av') {
      const { source, target, tclass } = question;
      return [plain[index], policy.computeAv(source, target, tclass)];
    }
    if (question.ask !== 'transition') return plain[index];
    const named = fileNames.map((name) => {
      const answer = policy.computeTransition(question.source, question.target, question.tclass, name);
      return answer.ok ? answer.context : answer.reason;
    });
    return [plain[index], named];
  });
}

/** Before version 32 there is no glblub, and checkpolicy leaves it out. */
function versionsFor(text: string): readonly number[] {
  return text.includes('glblub') ? binaryVersions.filter((version) => version >= 32) : binaryVersions;
}

/** Compiles the source to every version that holds it, and asks each what the source's policy is asked. */
function compareVersions(policy: RandomPolicy, seed: number): boolean {
  const made = compileVersions(policy.text, policy.mls, versionsFor(policy.text));
  if (made === undefined) return false;
  const questions = randomQuestions(policy, seed, questionsEach);
  const source = mustLoad(policy.text);
  const expected = answers(source, questions);
  for (const [version, bytes] of made) {
    const binary = mustRead(bytes);
    const actual = answers(binary, questions);
    const differences = questions.flatMap((question, index) =>
      isDeepStrictEqual(actual[index], expected[index])
        ? []
        : [{ version, question, binary: actual[index], source: expected[index] }],
    );
    assert.deepEqual(differences.slice(0, 3), []);
    assert.deepEqual(binary.booleans, source.booleans);
  }
  return true;
}

describe(`a binary policy answers as its source does, in versions ${binaryVersions.join(', ')}`, () => {
  for (const [name, policy] of Object.entries({ ...handWritten, everything })) {
    it(`for the hand-written policy "${name}"`, () => {
      assert.ok(compareVersions(policy, 1));
    });
  }

  it(`for ${randomPolicies} random policies`, () => {
    let taken = 0;
    for (let seed = 1; taken < randomPolicies; seed++) if (compareVersions(randomPolicy(seed), seed)) taken++;
  });

  it('for the shipped policy', async () => {
    assert.ok(compareVersions(namesOf(await shippedText()), 7));
  });

  it('for a policy for Xen, whose devices have labels', () => {
    const context = 'system_u:object_r:other_t:s0';
    const devices = [
      `pirqcon 33 ${context}`,
      `iomemcon 0xfebe0-0xfebff ${context}`,
      `ioportcon 0xeac0-0xeadf ${context}`,
      `pcidevicecon 0xc800 ${context}`,
      `devicetreecon "/this is/a/path" ${context}`,
    ].join('\n');
    const rules = 'allow domain other_t:file { read write };';
    const text = smallPolicy({ rules, contexts: devices });
    assert.match(mustRefuse(text).message, /pirqcon/);
    const [source, made] = [mustLoad(text, { target: 'xen' }), compileVersions(text, true, [30], 'xen')?.get(30)];
    assert.ok(made !== undefined, 'checkpolicy does not take the source');
    const binary = mustRead(made);
    const questions = randomQuestions(namesOf(smallPolicy({ rules })), 4, 300);
    assert.deepEqual(answers(binary, questions), answers(source, questions));
    assert.deepEqual(partsOf(binary).db.initialSids.names, ['', 'xen', 'dom0']);
    const newer = made.slice();
    newer[16] = 31;
    const refused = loadBinary(newer, 'policy.bin');
    assert.ok(!refused.ok && refused.diagnostics[0]?.message.includes('policy version 31; versions 30 to 30'));
  });

  it('and rules the same commands', () => {
    const source = mustLoad(everything.text);
    const binary = mustRead(mustCompile(everything.text));
    const [file, other] = ['system_u:object_r:virtdisk_t:s0', 'system_u:object_r:other_t:s0'];
    const commands = [
      0, 0x1234, 0x5400, 0x5401, 0x6fff, 0x7000, 0x72ff, 0x7300, 0x8900, 0x8901, 0x8910, 0x8911, 0xffff,
    ];
    let allowed = 0;
    for (const type of everything.types) {
      for (const target of [file, other]) {
        for (const command of commands) {
          const question = [`system_u:object_r:${type}:s0`, target, 'chr_file', 'ioctl', command] as const;
          const answer = binary.computeCommand(...question);
          assert.deepEqual(answer, source.computeCommand(...question), question.join(' '));
          if (answer.ruled && answer.allowed) allowed++;
        }
      }
    }
    assert.ok(allowed > 0);
  });

  it('and tells rules by file name from none', () => {
    const policy = mustRead(mustCompile(everything.text));
    const [user, disk] = ['user_u:user_r:user_t:s0', 'system_u:object_r:virtdisk_t:s0'];
    const named = policy.computeTransition(user, disk, 'file', 'disk.img');
    const other = policy.computeTransition(user, disk, 'file', 'other');
    assert.equal(named.ok && named.context, 'system_u:object_r:other_t:s0');
    assert.equal(other.ok && other.context, 'system_u:object_r:qemu_virtdisk_t:s0');
  });
});
