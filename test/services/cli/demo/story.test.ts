import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import {
  consoleEnd,
  expectOwnDisk,
  guestLines,
  parseGuestLine,
  untilGuest,
} from '../../../../services/cli/demo/console.ts';
import { readDisk } from '../../../../services/cli/demo/disk.ts';
import { StepFailed } from '../../../../services/cli/demo/expect.ts';
import { createStory, shortQuestion } from '../../../../services/cli/demo/story.ts';
import { counterOffset } from '../../../../services/cli/guest/init.ts';
import { plain } from '../../../../services/cli/render/style.ts';
import type { AnsweredQuestion } from '../../../../shared/vm/decision.ts';
import { decisionOf } from '../../../support/values.ts';

test('a question is told by its types, the class and the permissions kept', () => {
  const cases = [
    ['a_u:a_r:a_t:s0-s3:c0.c1023 b_u:b_r:b_t:s0:c1,c2:vm { start stop }', 'a_t b_t:vm { start stop }'],
    ['a_u:a_r:a_t:s0 b_u:b_r:b_t:s0:vmhost { send_to }', 'a_t b_t:vmhost { send_to }'],
    ['type_transition a_u:a_r:a_t:s0 b_u:b_r:b_t:s0:c1:file', 'type_transition a_t b_t:file'],
    ['a_u:a_r:a_t:s0:c1', 'a_t'],
    ['confinement is not required on this host', 'confinement is not required on this host'],
  ] as const;
  for (const [asked, short] of cases) assert.equal(shortQuestion(asked), short);
});

const question = (asked: string, allowed: boolean): AnsweredQuestion => ({
  kind: 'access',
  why: 'why it is asked',
  asked,
  allowed,
  rules: [],
  ...(allowed ? {} : { missing: 'allow a_t b_t:vm start;' }),
});

test('the questions of an action are told once; from then on only what is refused', () => {
  const out: string[] = [];
  const story = createStory({ write: (text) => out.push(text) }, plain);
  const decision = decisionOf('allowed', { questions: [question('one', true), question('two', true)] });
  story.decision(decision);
  story.decision(decision);
  story.decision({ ...decision, outcome: 'refused', questions: [question('one', true), question('two', false)] });
  const told = out
    .join('')
    .split('\n')
    .filter((line) => !line.includes('policy'));
  assert.deepEqual(told, [
    '       ✓ one  why it is asked',
    '       ✓ two  why it is asked',
    '       ✓ 2 questions, answered yes',
    '       ✗ two  why it is asked',
    '         missing: allow a_t b_t:vm start;',
    '       ✓ 1 other, answered yes',
    '',
  ]);
});

const boot = '0b5a1f7e-0000-4000-8000-000000000000';

test('a line that was cut off when its guest left is not taken for one', () => {
  const whole = { boot, count: 50, disk: 49 };
  const line = `carnet-guest boot=${boot} count=50 disk=49\r`;
  for (const rest of [
    'carnet-guest bo',
    `carnet-guest boot=${boot} count=1`,
    `carnet-guest boot=${boot} count=12 disk=1`,
  ]) {
    assert.deepEqual(parseGuestLine(`${rest}${line}`), whole);
  }
  assert.equal(parseGuestLine(`carnet-guest boot=${boot} count=12`), undefined);
});

test('a guest that found another disk than its own is told by the count on it', () => {
  const at = (count: number, disk: number) => ({ boot, count, disk });
  expectOwnDisk([at(1, 0), at(2, 1)]);
  for (const lines of [[at(28, 47)], [at(28, 20)], [at(28, 28)], [at(27, 26), at(28, 0)]]) {
    assert.throws(() => expectOwnDisk(lines), StepFailed);
  }
});

test('what the guest wrote is read out of its qcow2 image', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carnet-disk-'));
  const [image, sector] = [join(folder, 'web.qcow2'), join(folder, 'sector')];
  const run = promisify(execFile);
  try {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '64M']);
    await assert.rejects(
      readDisk(image),
      (error) => error instanceof StepFailed && /what the guest wrote/.test(error.message),
    );
    await writeFile(sector, `carnet-guest boot=${boot} count=7 disk=6\n`);
    await run('qemu-io', ['-f', 'qcow2', '-c', `write -s ${sector} ${counterOffset} 512`, image]);
    assert.deepEqual(await readDisk(image), { boot, count: 7, disk: 6 });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the guest is read from its console by whole lines, from a place on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carnet-console-'));
  const path = join(folder, 'console.log');
  try {
    assert.deepEqual(guestLines(path, 0), []);
    await writeFile(
      path,
      `[    0.000000] Linux\r\ncarnet-guest boot=${boot} count=1 disk=0\r\ncarnet-guest boot=${boot} count=2 disk=1`,
    );
    assert.deepEqual(guestLines(path, 0), [{ boot, count: 1, disk: 0 }]);
    const end = consoleEnd(path);
    await appendFile(path, `3\ncarnet-guest boot=${boot} count=24 disk=23\n`);
    assert.deepEqual(guestLines(path, end), [{ boot, count: 24, disk: 23 }]);
    const { signal } = new AbortController();
    await assert.rejects(
      untilGuest(path, end, (lines) => lines.length > 5, 'it counts', { signal, timeoutMs: 0 }),
      (error) => error instanceof StepFailed && /it counts: waited in vain; the last count was 24/.test(error.message),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
