import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../services/cli/fleet/bus.ts';

const top = join(import.meta.dirname, '../..');
const base = mkdtempSync(join(tmpdir(), 'cc-'));
const running: ChildProcess[] = [];
after(async () => {
  for (const child of running.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
  rmSync(base, { recursive: true, force: true });
});

test('docker-compose accepts docker-compose.yml, and every part has a health check', () => {
  const { status, stdout, stderr } = spawnSync('docker-compose', ['config'], { cwd: top, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  for (const part of ['bus', 'authority', 'alpha', 'beta']) assert.match(stdout, new RegExp(`\n  ${part}:\n`));
  assert.equal(stdout.match(/\n {4}healthcheck:/g)?.length, 4);
});

test('what the containers run makes a fleet: enrolled by tokens, its hosts answer', async () => {
  const [port, monitor] = [await freePort(), await freePort()];
  const envOf = (part: string) => ({
    ...process.env,
    PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
    CARNET_DIR: join(base, part),
    CARNET_SHARED: join(base, 'shared'),
    CARNET_BUS: `nats://127.0.0.1:${port}`,
    CARNET_LISTEN: '127.0.0.1',
    CARNET_MONITOR: String(monitor),
  });
  const script = join(top, 'services/container.sh');
  const start = (part: string, ...args: string[]) => {
    const child = spawn('sh', [script, ...args], {
      env: envOf(part),
      stdio: ['ignore', 'ignore', part === 'bus' ? 'ignore' : 'inherit'],
    });
    running.push(child);
    return child;
  };
  const until = async (child: ChildProcess, holds: () => boolean | Promise<boolean>) => {
    const deadlineMs = performance.now() + 90_000;
    while (!(await holds())) {
      assert.equal(child.exitCode, null, 'it goes on running');
      assert.ok(performance.now() < deadlineMs, 'it comes up in time');
      await delay(50);
    }
  };
  const bus = start('bus', 'bus');
  await until(bus, () =>
    fetch(`http://127.0.0.1:${monitor}/healthz`).then(
      (said) => said.ok,
      () => false,
    ),
  );
  const authority = start('authority', 'authority', 'host-alpha', 'client-operator');
  await until(authority, () => existsSync(join(base, 'authority/made-client-operator')));
  assert.equal(statSync(join(base, 'shared/tokens/host-alpha')).mode & 0o077, 0, 'a token is for its reader alone');

  const alpha = start('alpha', 'broker', 'alpha', '127.0.0.1');
  const readyFile = join(base, 'alpha/ready');
  await until(alpha, () => existsSync(readyFile) && /^ready$/m.test(readFileSync(readyFile, 'utf8')));
  assert.equal(existsSync(join(base, 'shared/tokens/host-alpha')), false, 'a token is used once');

  const client = spawnSync('sh', [script, 'client', 'operator'], { env: envOf('client'), encoding: 'utf8' });
  assert.equal(client.status, 0, client.stderr);
  const config = client.stdout.trim().split('\n').at(-1) ?? '';
  const list = spawnSync(join(top, 'services/cli/carnet'), ['--config', config, 'host', 'list', '-o', 'name'], {
    encoding: 'utf8',
  });
  assert.equal(list.status, 0, list.stderr);
  assert.equal(list.stdout, 'alpha\n');
});
