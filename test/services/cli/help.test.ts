import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from '../../../services/cli/program.ts';
import { carnet } from './run-carnet.ts';

const silent = { write: () => undefined };
const program = buildProgram({
  io: { stdout: silent, stderr: silent, env: {}, nowMs: () => 0, onInterrupt: () => () => undefined },
  connect: () => Promise.reject(new Error('help connects to nothing')),
  end: () => undefined,
});

/** Every verb, as the words that reach it. */
function verbsOf(command: Command, path: readonly string[] = []): string[][] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  return children.flatMap((child) => {
    const here = [...path, child.name()];
    const below = verbsOf(child, here);
    return below.length === 0 ? [here] : below;
  });
}
const verbs = verbsOf(program);

test('the nouns and verbs are those the documents name', () => {
  const names = verbs.map((verb) => verb.join(' '));
  const expected = [
    'fleet up',
    'fleet down',
    'fleet status',
    'host list',
    'host show',
    'host drain',
    'host undrain',
    'vm define',
    'vm delete',
    'vm start',
    'vm stop',
    'vm suspend',
    'vm resume',
    'vm migrate',
    'vm save',
    'vm restore',
    'vm list',
    'vm show',
    'checkpoint list',
    'checkpoint show',
    'checkpoint verify',
    'checkpoint rm',
    'operation list',
    'operation show',
    'explain migrate',
    'explain checkpoint-rm',
    'policy check',
    'demo',
  ];
  for (const name of expected) assert.ok(names.includes(name), name);
});

for (const verb of verbs) {
  test(`carnet ${verb.join(' ')} --help says what it does and gives an example`, async () => {
    const { status, stdout, stderr } = await carnet([...verb, '--help']);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    assert.match(stdout, new RegExp(`^Usage: carnet ${verb.join(' ')}`));
    assert.match(stdout, /\n[A-Z].*\.\n/);
    assert.match(stdout, /\nExamples:\n {2}\$ (carnet|npm run demo)/);
    assert.match(stdout, /--output <format>/);
  });
}

test('every explained verb takes what the verb itself takes', () => {
  const named = (noun: string) => program.commands.find((one) => one.name() === noun)?.commands ?? [];
  for (const explained of named('explain')) {
    const [noun, name] = explained.name() === 'checkpoint-rm' ? ['checkpoint', 'rm'] : ['vm', explained.name()];
    const verb = named(noun ?? '').find((one) => one.name() === name);
    assert.ok(verb !== undefined, explained.name());
    assert.deepEqual(
      explained.registeredArguments.map((argument) => argument.name()),
      verb.registeredArguments.map((argument) => argument.name()),
    );
  }
});

test('the version is the one of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.deepEqual(await carnet(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' });
});

test('help tells the exit statuses', async () => {
  const { status, stdout } = await carnet(['--help']);
  assert.equal(status, 0);
  assert.match(stdout, /8 refused by policy/);
  assert.match(stdout, /130 detached or cancelled/);
});
