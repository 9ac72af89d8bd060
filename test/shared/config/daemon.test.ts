import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFileOf } from '../../../shared/config/daemon.ts';

test('a program that serves takes one option, or none', () => {
  assert.equal(configFileOf([], '/etc/carnet/broker.yaml'), '/etc/carnet/broker.yaml');
  assert.equal(configFileOf(['--config', 'here.yaml'], '/etc/carnet/broker.yaml'), 'here.yaml');
  assert.equal(configFileOf(['--config=here.yaml'], '/etc/carnet/broker.yaml'), 'here.yaml');
});

for (const args of [['--config'], ['--conf', 'x'], ['x'], ['--config', 'x', 'y'], ['--help']]) {
  test(`\`${args.join(' ')}\` is a usage error in one sentence, with what there is to say`, () => {
    assert.throws(() => configFileOf(args, '/etc/carnet/broker.yaml'), {
      code: 'USAGE_INVALID',
      message: /^[^.\n]+$/,
      hint: 'usage: --config FILE (/etc/carnet/broker.yaml)',
    });
  });
}
