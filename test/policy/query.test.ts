import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineAnswerer, writeAnswer } from '../../policy/query/answer-lines.ts';
import { lineBatches, lineCharsMax } from '../../policy/query/lines.ts';
import { mustLoad } from '../support/policy/load.ts';
import { smallPolicy } from '../support/policy/small-policy.ts';

const user = 'user_u:user_r:user_t:s0';
const disk = 'system_u:object_r:qemu_virtdisk_t:s0:c1,c2';
const policy = mustLoad(
  smallPolicy({
    defaults: 'default_range vm target low-high; default_role vm source;',
    rules: `allow user_t disk:file { write read }; if (off) { allow user_t disk:vm start; }
      type_transition user_t qemu_virtdisk_t:vm vm_user_t; type_transition user_t qemu_virtdisk_t:file other_t "a b";`,
    constraints: 'validatetrans file ( u1 == u2 );',
  }),
);
const answerTo = (line: string): string => lineAnswerer(policy)(line).answer;

const protocol: readonly (readonly [line: string, answer: string])[] = [
  [`av\t${user}\t${disk}\tfile`, 'read'],
  [`av\t${user}\t${disk}\tvm`, ''],
  [`av\tnobody\t${disk}\tfile`, 'ERR invalid source context'],
  [`av\t${user}\tnobody\tfile`, 'ERR invalid target context'],
  [`av\t${user}\t${disk}\tsocket`, 'ERR unknown class'],
  [`trans\t${user}\t${disk}\tvm`, 'user_u:user_r:vm_user_t:s0:c1,c2'],
  [`trans\t${user}\t${disk}\tfile\ta b`, 'user_u:object_r:other_t:s0'],
  [`trans\t${user}\t${disk}\tfile\t`, 'user_u:object_r:qemu_virtdisk_t:s0'],
  [`change\t${user}\t${disk}\tfile\ta b`, 'user_u:object_r:qemu_virtdisk_t:s0'],
  [`member\t${user}\t${disk}\tfile`, 'system_u:object_r:qemu_virtdisk_t:s0'],
  [`trans\t${user}\tsystem_u:system_r:kernel_t:s0\tvm`, 'ERR invalid result'],
  [`vtrans\t${disk}\t${disk}\t${user}\tfile`, 'allowed'],
  [`vtrans\t${disk}\t${user}\t${user}\tfile`, 'denied'],
  [`vtrans\t${disk}\t${user}\tnobody\tfile`, 'ERR invalid context'],
  [`vtrans\t${disk}\t${user}\t${user}\tsocket`, 'ERR unknown class'],
  ['ctx\tsystem_u:object_r:virtdisk_t:secret:c0,c1,c2', 'system_u:object_r:qemu_virtdisk_t:s1:c0.c2'],
  ['ctx\tsystem_u:object_r:nobody_t:s0', 'INVALID'],
  ['bool\ton\t0', 'ok'],
  ['bool\tneither\t0', 'ERR unknown boolean'],
];
for (const [line, answer] of protocol) {
  test(`\`${line.replaceAll('\t', ' ')}\` is answered with \`${answer}\``, () => assert.equal(answerTo(line), answer));
}

for (const line of [
  '',
  'av',
  'toString\ta\tb\tc',
  `av\t${user}\t${disk}`,
  `av\t${user}\t\tfile`,
  `av\t${user}\t${disk}\tfile\tname`,
  `av ${user} ${disk} file`,
  `vtrans\t${disk}\t${disk}\tfile`,
  'ctx',
  'bool\ton\ttrue',
  'BOOL\ton\t1',
]) {
  test(`\`${line.replaceAll('\t', ' ')}\` is malformed`, () => assert.equal(answerTo(line), 'ERR malformed'));
}

test('a boolean holds for what follows, not for the policy that was given', () => {
  const answer = lineAnswerer(policy);
  const question = `av\t${user}\t${disk}\tvm`;
  assert.equal(answer(question).answer, '');
  answer('bool\toff\t1');
  assert.equal(answer(question).answer, 'start');
  answer('bool\toff\t0');
  assert.equal(answer(question).answer, '');
  assert.equal(answerTo(question), '');
});

test('the answer stands behind the line as it came', () => {
  assert.equal(writeAnswer(lineAnswerer(policy)(`ctx\t${disk}`)), `ctx\t${disk}\t=>\t${disk}\n`);
});

async function* pieces(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}

async function linesOf(...texts: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of lineBatches(pieces(...texts))) lines.push(...batch);
  return lines;
}

test('lines are whole however the text is cut, and the last needs no line feed', async () => {
  assert.deepEqual(await linesOf('one\ntw', 'o\n', '\nth', 'ree'), ['one', 'two', '', 'three']);
  assert.deepEqual(await linesOf(), []);
});

test('of a line without end a bounded part is kept, it is malformed, and the next is answered', async () => {
  const long = 'x'.repeat(1 << 16);
  const lines = await linesOf(...Array.from({ length: 50 }, () => long), '\nctx\tnone\n');
  assert.deepEqual(
    lines.map((line) => line.length),
    [lineCharsMax + 1, 8],
  );
  const { line, answer } = lineAnswerer(policy)(lines[0] ?? '');
  assert.deepEqual([line.length, answer], [lineCharsMax, 'ERR malformed']);
});
