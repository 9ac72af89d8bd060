import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments } from './arguments.ts';

const wordsOf = (...argv: string[]) => {
  const asked = readArguments(argv);
  return asked.is === 'words' ? asked : assert.fail('it begins');
};

test('the simulation tells what it takes, and what it does not take, in words', () => {
  const { text, status } = wordsOf('--help');
  assert.match(text, /^usage: npm run simulate/);
  assert.match(text, /recover-without-asking/);
  assert.equal(status, 0);
  for (const [argv, why] of [
    [['--seeds', 'many'], /^--seeds takes a number from 1 to \d+, not `many`\n/],
    [['--seeds', '0'], /^--seeds takes a number/],
    [['--from', '1.5'], /^--from takes a number/],
    [['--hosts', '1', '--vms', '99'], /^--hosts takes .*\n--vms takes /],
    [['--mutate', 'toString'], /^there is no mutation `toString`/],
    [['--sedes', '3'], /--sedes/],
    [['--seeds'], /--seeds/],
    [['3'], /'3'/],
  ] as const) {
    const wrong = wordsOf(...argv);
    assert.match(wrong.text, why);
    assert.match(wrong.text, /\nusage: /);
    assert.equal(wrong.status, 2);
  }
});

test('what was not said is as the seed has it', () => {
  assert.deepEqual(readArguments(['--seeds', '3', '--from', '7000001', '--hard', '--json']), {
    is: 'seeds',
    json: true,
    options: { seeds: 3, from: 7_000_001, hosts: undefined, vms: undefined, hard: true, mutate: undefined },
  });
});
