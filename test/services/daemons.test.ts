import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** Every program that serves, with what names a configuration that is not there. */
const daemons = [
  { name: 'broker', missing: ['--config', '/nowhere/broker.yaml'] },
  { name: 'scheduler', missing: ['--config', '/nowhere/scheduler.yaml'] },
  { name: 'authority', missing: ['serve', '--directory', '/nowhere', '--server', 'nats://127.0.0.1:4222'] },
];

const run = (name: string, args: readonly string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, `../../services/${name}/main.ts`), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });

for (const { name, missing } of daemons) {
  test(`the ${name} tells a wrong command line and a missing configuration in the same form, with exit status 2`, () => {
    const wrong = run(name, ['--nonsense']);
    assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, new RegExp(`^carnet-${name}: .*--nonsense.* \\[USAGE_INVALID\\]\\n {2}\\S.*\\n$`));
    const none = run(name, missing);
    assert.deepEqual([none.status, none.stdout], [2, '']);
    assert.match(none.stderr, new RegExp(`^carnet-${name}: .*/nowhere.* \\[CONFIG_INVALID\\]\\n`));
  });
}
