import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { loadBinary } from '../../../policy/binary/load-binary.ts';
import type { KernelStatus } from '../../../policy/kernel/status-page.ts';
import type { Explanation } from '../../../policy/policy.ts';
import { decide } from '../../../services/broker/gate/decide.ts';
import type { AnsweredQuestion, Decision } from '../../../shared/vm/decision.ts';
import { asks, hostFacts } from '../../support/gate/asks.ts';
import { shippedText } from '../../support/gate/shipped.ts';
import { binaryPolicy } from '../../support/kernel/binary.ts';
import { type Outcome, runInKernel } from '../../support/kernel/boot.ts';
import { blindContext, lifePolicy } from '../../support/kernel/life-policies.ts';
import { differentialQuestions, kernelOnly, shippedQuestions } from '../../support/kernel/policies.ts';
import { answerOf, type Question } from '../../support/kernel/question.ts';
import { rawForm, rawQuestion, rawScript, readRaw } from '../../support/kernel/raw-questions.ts';
import { mustLoad } from '../../support/policy/load.ts';

const shipped = await shippedQuestions();
const posed = [shipped, kernelOnly, ...differentialQuestions(4, 60)];
const accepting = await shippedText();
const refusing = await shippedText('no-entrypoint');
const inGuest = 'test/support/kernel/in-guest';
/** Without a compiler: one that writes machine code is slower than none where machine code is emulated. */
const node = (program: string) => `node --jitless /carnet/${inGuest}/${program}.js`;

/** The engine's answers, booleans set on the way. */
function engineAnswers(text: string, questions: readonly Question[]): string[] {
  let policy = mustLoad(text, { flavour: 'kernel' });
  return questions.map((question) => {
    if (question.ask === 'bool') {
      policy = policy.withBooleans({ [question.name]: question.value }, policy.seqno + 1);
    }
    return answerOf(policy, question);
  });
}

const plain = (questions: readonly Question[]) => questions.filter((one) => one.ask !== 'bool');
const classesOf = (text: string) => [...text.matchAll(/^class (\w+)$/gm)].map(([, name = '']) => name);

describe("a Debian kernel's answers", () => {
  let outcomes: ReadonlyMap<string, Outcome>;
  const linesOf = (name: string): readonly string[] => {
    const outcome = outcomes.get(name);
    assert.ok(outcome?.status === 0, outcome?.errors);
    return outcome.lines;
  };

  const seenBy = (name: string) => new Map(linesOf(name).map((line) => JSON.parse(line) as [string, unknown]));

  before(async () => {
    const file = (path: string, data: Uint8Array | string) => ({ path, mode: 0o644, data: Buffer.from(data) });
    outcomes = await runInKernel({
      files: [
        ...posed.map(({ text, mls }, index) => file(`${index}.bin`, binaryPolicy(text, mls))),
        file(
          'raw-questions',
          plain(shipped.questions)
            .map((one) => `${rawQuestion(one, classesOf(shipped.text))}\n`)
            .join(''),
        ),
        file('raw.sh', rawScript),
        file('accepting.bin', binaryPolicy(accepting, true)),
        file('no-entrypoint.bin', binaryPolicy(refusing, true)),
        file('life-1.bin', binaryPolicy(lifePolicy({ vmFirst: false }), true, 'allow')),
        file('life-2.bin', binaryPolicy(lifePolicy({ vmFirst: true }), true, 'allow')),
        file(
          'questions.json',
          JSON.stringify({ work: posed.map(({ questions }, index) => ({ policy: `/${index}.bin`, questions })) }),
        ),
      ],
      programs: ['ask', 'gate', 'life', 'blind'].map((program) => `${inGuest}/${program}.ts`),
      commands: [
        { name: 'raw', command: 'dd if=/0.bin of=/sys/fs/selinux/load bs=16777216 2>/dev/null && sh /raw.sh' },
        { name: 'adapter', command: node('ask') },
        { name: 'gate', command: node('gate') },
        { name: 'life', command: node('life') },
        {
          name: 'blind',
          command: `printf 1 >/sys/fs/selinux/enforce
            (printf ${blindContext} >/proc/self/attr/exec; exec ${node('blind')}); status=$?
            printf 0 >/sys/fs/selinux/enforce; exit $status`,
        },
      ],
    });
  });

  it('to questions of the demo, put by a shell, are those of the engine', () => {
    const questions = plain(shipped.questions);
    const kernel = readRaw(linesOf('raw'), questions);
    const engine = engineAnswers(shipped.text, questions);
    const differences = questions.flatMap((question, index) =>
      kernel[index] === rawForm(question, engine[index] ?? '')
        ? []
        : [{ question, kernel: kernel[index], engine: engine[index] }],
    );
    assert.deepEqual(differences, []);
    assert.ok(new Set(kernel).size > 40, 'they are not all the same');
  });

  it('through the adapter are those of the engine, on the shipped policy, on others and on random ones', () => {
    const lines = linesOf('adapter');
    let first = 0;
    for (const { name, text, questions } of posed) {
      const engine = engineAnswers(text, questions);
      const differences = questions.flatMap((question, index) =>
        lines[first + index] === engine[index]
          ? []
          : [{ name, question, kernel: lines[first + index], engine: engine[index] }],
      );
      assert.deepEqual(differences, []);
      first += questions.length;
    }
    assert.equal(lines.length, first);
    assert.ok(new Set(lines).size > 100, 'they are not all the same');
  });

  it("decide for a broker as the engine does, with the kernel's permissive mode seen and a reload obeyed", async () => {
    const seen = seenBy('gate');
    const byEngine = (text: string, action: Parameters<typeof asks>[0]) =>
      decide(asks(action), mustLoad(text, { flavour: 'kernel' }), { ...hostFacts, confined: false });
    const answersOf = ({ questions }: { readonly questions: readonly AnsweredQuestion[] }) =>
      questions.map(({ asked, allowed, result }) => ({ asked, allowed, result }));
    for (const [name, action, text] of [
      ['start', 'start', accepting],
      ['migrate-in', 'migrate-in', accepting],
      ['restore', 'restore', accepting],
      ['save', 'save', accepting],
      ['start, after a reload', 'start', refusing],
    ] as const) {
      const decision = seen.get(name) as Decision;
      const expected = byEngine(text, action);
      assert.deepEqual(answersOf(decision), answersOf(expected), name);
      assert.deepEqual([decision.outcome, decision.label], [expected.outcome, expected.label], name);
    }
    const confined = (seen.get('start') as Decision).questions.find(({ kind }) => kind === 'confine');
    assert.equal(confined?.allowed, false, 'a permissive kernel confines nothing');
    assert.match(JSON.stringify(seen.get('start, after a reload')), /"missing":"[^"]*entrypoint/);
    const [first, ...others] = seen.get('on record') as string[];
    assert.match(first ?? '', /^policy \d+$/);
    assert.equal(others.filter((one) => one.startsWith('policy')).length, 1);
  });

  it('about itself are read, and its policy is the one that was loaded', () => {
    const seen = seenBy('life');
    const { initialContexts, ...facts } = seen.get('facts') as { initialContexts: [string, string][] };
    assert.deepEqual(facts, { policyVersionMax: 33, mls: true, handleUnknown: 'allow' });
    assert.equal(new Map(initialContexts).get('kernel'), 'system_u:system_r:kernel_t:s0-s1:c0.c4');
    const bytes = Buffer.from(seen.get('policy') as string, 'base64');
    assert.deepEqual(seen.get('first'), {
      digest: createHash('sha256').update(bytes).digest('hex'),
      mls: true,
      booleans: [
        ['off', false],
        ['on', true],
        ['starts', false],
      ],
      same: true,
    });
    const read = loadBinary(bytes, 'policy', { flavour: 'kernel' });
    assert.ok(read.ok);
    assert.deepEqual(read.policy.booleans, mustLoad(lifePolicy({ vmFirst: false })).booleans);
  });

  it('are only taken from a selinuxfs', () => {
    assert.equal(seenBy('life').get('mount'), 'POLICY_UNAVAILABLE');
  });

  it('for a class or permission its policy lacks are refusals, though it would itself allow everything', () => {
    const seen = seenBy('life');
    const kernel = seen.get('unknown class, the kernel') as { value: string };
    assert.match(kernel.value, /^ffffffff ffffffff /);
    const { seqno } = seen.get('unknown class') as { seqno: number };
    assert.deepEqual(seen.get('unknown class'), {
      allowed: [],
      auditallow: [],
      auditdeny: [],
      seqno,
      permissive: false,
    });
    assert.deepEqual(seen.get('unknown permission'), [false, { allowed: false, granting: [], reason: 'UNKNOWN' }]);
  });

  it('are explained from its own binary policy', () => {
    const seen = seenBy('life');
    const [granted, denied] = seen.get('explained') as Explanation[];
    assert.deepEqual(
      granted?.granting.map(({ file, text }) => `${file}: ${text}`),
      ['/sys/fs/selinux/policy: allow user_t qemu_virtdisk_t:vm stop;'],
    );
    assert.deepEqual([denied?.allowed, denied?.reason], [false, 'TE']);
    assert.deepEqual(denied?.off?.[0]?.switches, [{ starts: true }]);
    assert.deepEqual(seen.get('type rules'), [true, false]);
    assert.deepEqual(seen.get('what if'), ['start', 'stop']);
  });

  it('change with a boolean, under a new sequence number; an unknown name changes nothing', () => {
    const seen = seenBy('life');
    const [seqno, before] = seen.get('before') as [number, string[]];
    assert.deepEqual(before, ['stop']);
    assert.deepEqual(seen.get('boolean set'), [seqno + 1, ['start', 'stop'], true]);
    assert.equal(seen.get('boolean unknown'), 'RangeError');
    const [status, after] = ['status', 'status after'].map((name) => seen.get(name) as KernelStatus);
    assert.ok(status !== undefined && after !== undefined && after.sequence > status.sequence);
    assert.equal(after.policyload, seqno + 1);
  });

  it('follow a reload that numbers classes anew; no question is answered from the policy before', () => {
    const seen = seenBy('life');
    for (const name of ['the old policy', 'the policy before the reload']) {
      assert.deepEqual(new Set(seen.get(name) as string[]), new Set(['POLICY_CHANGED']));
    }
    const [before, after] = ['status after', 'reloaded status'].map((name) => seen.get(name) as KernelStatus);
    assert.ok(before !== undefined && after !== undefined && after.sequence > before.sequence);
    const [seqno, allowed, digest] = seen.get('reloaded') as [number, string[], string];
    assert.equal(seqno, after.policyload);
    assert.deepEqual(allowed, ['start', 'stop'], 'the kernel keeps booleans over a reload');
    assert.notEqual(digest, (seen.get('first') as { digest: string }).digest);
  });

  it('are of the same policy whether it enforces or not, and an invalid result is one either way', () => {
    const seen = seenBy('life');
    const [status, same] = seen.get('enforcing') as [KernelStatus, boolean];
    assert.deepEqual([status.enforcing, same, seen.get('permissive again')], [true, true, false]);
    assert.ok(status.sequence > (seen.get('reloaded status') as KernelStatus).sequence);
    const permissive = { ok: false, reason: 'INVALID_RESULT', context: 'user_u:user_r:kernel_t:s0' };
    assert.deepEqual(seen.get('invalid result, permissive'), permissive);
    assert.deepEqual(seen.get('invalid result, enforcing'), { ok: false, reason: 'INVALID_RESULT' });
    assert.deepEqual(seen.get('invalid contexts'), [
      { ok: false, reason: 'INVALID_SOURCE' },
      { ok: false, reason: 'INVALID_TARGET' },
      [],
      { ok: false, reason: 'INVALID' },
    ]);
  });

  it('are a fault, not a refusal, for a process that may not ask', () => {
    const seen = seenBy('blind');
    assert.equal(seen.get('domain'), blindContext);
    assert.equal(seen.get('digest'), 'unreadable');
    assert.deepEqual(seen.get('av'), ['start', 'stop']);
    assert.deepEqual(seen.get('explained'), { allowed: true, granting: [] });
    assert.deepEqual(new Set(seen.get('refused') as string[]), new Set(['POLICY_UNAVAILABLE']));
    assert.deepEqual(new Map(seen.get('booleans') as [string, boolean][]).get('starts'), true, 'nothing was set');
  });
});
