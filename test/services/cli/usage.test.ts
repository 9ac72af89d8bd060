import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carnet } from './run-carnet.ts';

const migrate = ['vm', 'migrate', 'web', 'beta'];
const wrong: readonly (readonly [what: string, argv: readonly string[], says: RegExp])[] = [
  ['an unknown noun', ['vms', 'list'], /unknown command 'vms'\n\(Did you mean vm\?\)/],
  ['an unknown verb', ['vm', 'strat', 'web'], /unknown command 'strat'\n\(Did you mean start\?\)/],
  ['an unknown option', ['vm', 'list', '--all'], /unknown option '--all'/],
  ['a missing argument', ['vm', 'migrate', 'web'], /missing required argument 'host'/],
  ['one argument too many', ['vm', 'start', 'web', 'now'], /too many arguments/],
  ['a format there is not', ['vm', 'list', '-o', 'xml'], /Allowed choices are table, json, jsonl, yaml, name/],
  ['a name that is none', ['vm', 'start', '../etc'], /`\.\.\/etc` is not a VM name/],
  ['a checkpoint id that is none', ['vm', 'restore', 'cp-1'], /`cp-1` is not a checkpoint id/],
  ['an operation id that is none', ['operation', 'show', 'cp-1'], /`cp-1` is not an operation id/],
  ['a host name that is none', ['vm', 'migrate', 'web', 'Beta'], /`Beta` is not a host name/],
  ['a size that is none', ['vm', 'migrate', 'web', 'beta', '--bandwidth', 'fast'], /`fast` is not a size/],
  ['a time without a unit', ['vm', 'migrate', 'web', 'beta', '--downtime-max', '300'], /`300` is not a time/],
  ['a downtime that is too long', [...migrate, '--downtime-max', '2min'], /`--downtime-max 2min` is out of bounds/],
  ['a bandwidth that is too much', [...migrate, '--bandwidth', '2T'], /`--bandwidth 2T` is out of bounds/],
  ['a timeout that is too short', [...migrate, '--timeout', '10ms'], /`--timeout 10ms` is out of bounds/],
  ['a timeout that is too long', [...migrate, '--timeout', '25h'], /`--timeout 25h` is out of bounds/],
  ['a timeout without a unit', [...migrate, '--timeout', '5'], /`5` is not a time/],
  ['an action there is not', [...migrate, '--on-timeout', 'wait'], /Allowed choices are abort, force/],
  [
    'a priority that is none',
    ['vm', 'migrate', 'web', 'beta', '--priority', '10'],
    /`10` is not a priority from 0 to 9/,
  ],
  ['a wait of days', ['vm', 'migrate', 'web', 'beta', '--queue-timeout', '25h'], /`25h` is longer than anybody waits/],
  ['a spec that is not there', ['vm', 'define', '/nowhere/web.yaml', '--host', 'alpha'], /\/nowhere\/web\.yaml/],
];

for (const [what, argv, says] of wrong) {
  test(`${what} is a usage error, and nothing is asked of anybody`, async () => {
    const { status, stdout, stderr } = await carnet(argv);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, says);
  });
}

test('errors are one JSON object on stderr where JSON was asked for', async () => {
  const { status, stderr } = await carnet(['vm', 'start', '..', '--json']);
  assert.equal(status, 2);
  const error = JSON.parse(stderr) as Record<string, unknown>;
  assert.equal(error['schema'], 1);
  assert.equal(error['code'], 2);
  assert.equal(error['name'], 'USAGE_INVALID');
  assert.match(String(error['message']), /is not a VM name/);
});

test('global options are taken before and after the verb', async () => {
  for (const argv of [
    ['--json', 'vm', 'start', '..'],
    ['vm', '--json', 'start', '..'],
    ['vm', 'start', '..', '--json'],
  ]) {
    const { stderr } = await carnet(argv);
    assert.equal((JSON.parse(stderr) as { name: string }).name, 'USAGE_INVALID');
  }
});

test('a client that does not exist is told apart from a usage error by its hint', async () => {
  const { connectClient } = await import('../../../services/cli/client/connect.ts');
  const { status, stderr } = await carnet(['vm', 'list', '--fleet', '/nowhere'], { connect: connectClient });
  assert.equal(status, 2);
  assert.match(stderr, /there is no \/nowhere\/clients\/operator\/client\.yaml \[CONFIG_INVALID\]/);
  assert.match(stderr, /carnet fleet up/);
});

test('a client name that could be a path is refused', async () => {
  const { connectClient } = await import('../../../services/cli/client/connect.ts');
  const { status, stderr } = await carnet(['vm', 'list', '--as', '../operator'], { connect: connectClient });
  assert.equal(status, 2);
  assert.match(stderr, /is not a client name/);
});
