import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCommand, usage } from '../../../services/authority/usage.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';

const words = (line: string) => line.split(' ').filter((word) => word !== '');

describe('the command line of the authority', () => {
  it('reads a token with its lifetimes and addresses', () => {
    assert.deepEqual(parseCommand(words('token host alpha --directory d --minutes 5 --address a.b --address ::1')), {
      is: 'token',
      directory: 'd',
      holders: [{ role: 'host', name: 'alpha' }],
      addresses: ['a.b', '::1'],
      lifetimeMs: 300_000,
      certificateLifetimeMs: 90 * 86_400_000,
    });
  });

  it('reads for whom tokens are, as role and name by turns', () => {
    const command = parseCommand(words('token host alpha client operator service scheduler --directory d'));
    assert.deepEqual(command.is === 'token' && command.holders, [
      { role: 'host', name: 'alpha' },
      { role: 'client', name: 'operator' },
      { role: 'service', name: 'scheduler' },
    ]);
  });

  it('reads every other command', () => {
    assert.deepEqual(parseCommand(words('init --directory d --fleet f')), { is: 'init', directory: 'd', fleet: 'f' });
    assert.deepEqual(parseCommand(words('list --directory d')), { is: 'list', directory: 'd' });
    assert.equal(parseCommand(words('issue service scheduler --directory d --to t')).is, 'issue');
    assert.deepEqual(parseCommand(words('serve --directory d --server a --server b')), {
      is: 'serve',
      directory: 'd',
      servers: ['a', 'b'],
      log: undefined,
    });
    for (const line of ['', 'help', '--help', 'token --help'])
      assert.deepEqual(parseCommand(words(line)), { is: 'help' });
  });

  const wrong = [
    'rule',
    'rule --directory d',
    'init --directory d',
    'init --fleet f',
    'init extra --directory d --fleet f',
    'list',
    'list --directory d --unknown',
    'serve --directory d',
    'token host --directory d',
    'token host alpha',
    'token king alpha --directory d',
    'token host Alpha --directory d',
    'token host alpha beta --directory d',
    'token host alpha king beta --directory d',
    `token ${'host alpha '.repeat(101)} --directory d`,
    'issue host alpha host beta --directory d --to t',
    'token host alpha --directory d --minutes 0',
    'token host alpha --directory d --minutes 1.5',
    'token host alpha --directory d --days 4000',
    'token client operator --directory d --address localhost',
    'token host alpha --directory d --address a_b',
    `token host alpha --directory d ${'--address a '.repeat(17)}`,
    'issue host alpha --directory d',
  ];
  for (const line of wrong) {
    it(`refuses \`${line.slice(0, 60).trim()}\``, () => {
      const isUsage = (error: unknown) => error instanceof BrokerError && error.code === 'USAGE_INVALID';
      assert.throws(() => parseCommand(words(line)), isUsage);
    });
  }

  it('describes every command in its help', () => {
    for (const verb of ['init', 'token', 'issue', 'list', 'serve']) assert.match(usage, new RegExp(`^  ${verb} `, 'm'));
  });
});
