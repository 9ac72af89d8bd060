import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connectClient } from '../../../../services/cli/client/connect.ts';
import { fleetDown } from '../../../../services/cli/fleet/down.ts';
import { openFleet } from '../../../../services/cli/fleet/folder.ts';
import { layoutOf } from '../../../../services/cli/fleet/layout.ts';
import { isRunning } from '../../../../services/cli/fleet/proc.ts';
import { runningProcess, stopProcess } from '../../../../services/cli/fleet/processes.ts';
import { fleetStatus } from '../../../../services/cli/fleet/status.ts';
import { fleetUp } from '../../../../services/cli/fleet/up.ts';
import { carnet } from '../run-carnet.ts';

const base = mkdtempSync(join(tmpdir(), 'cf-'));
const root = join(base, 'f');
const everyPart = ['bus', 'alpha', 'beta', 'gamma', 'scheduler'];
after(async () => {
  if (existsSync(layoutOf(root).marker)) await fleetDown(root, { force: true, remove: true });
  rmSync(base, { recursive: true, force: true });
});

test('a fleet is made, started, repaired, stopped and removed', async (t) => {
  const upped = await fleetUp(root);
  assert.deepEqual([...upped.started].sort(), [...everyPart].sort());

  await t.test('its hosts answer its clients, each under its own policy', async () => {
    const said = await carnet(['host', 'list', '--json', '--fleet', root], { connect: connectClient });
    assert.equal(said.status, 0, said.stderr);
    const { hosts } = JSON.parse(said.stdout) as { hosts: { host: string; view: { policyDigest: string } }[] };
    assert.deepEqual(
      hosts.map(({ host }) => host),
      ['alpha', 'beta', 'gamma'],
    );
    const [alpha, beta, gamma] = hosts.map(({ view }) => view.policyDigest);
    assert.equal(alpha, beta);
    assert.notEqual(alpha, gamma);
  });

  await t.test('keys are for their owner alone', () => {
    for (const path of [layoutOf(root).authority, layoutOf(root).host('alpha').identity, root]) {
      assert.equal(statSync(path).mode & 0o077, 0, path);
    }
  });

  await t.test('starting it again starts nothing', async () => {
    const again = await fleetUp(root);
    assert.deepEqual(again.started, []);
    assert.deepEqual([...again.ranAlready].sort(), [...everyPart].sort());
  });

  await t.test('what died is started again, and nothing else', async () => {
    const { layout } = openFleet(root);
    const beta = runningProcess(layout, 'beta');
    assert.ok(beta !== undefined);
    process.kill(beta.pid, 'SIGKILL');
    await stopProcess(beta);
    assert.deepEqual(
      fleetStatus(root)
        .filter(({ running }) => !running)
        .map(({ part }) => part),
      ['beta'],
    );
    assert.equal((await carnet(['fleet', 'status', '--fleet', root])).status, 3);
    assert.deepEqual((await fleetUp(root)).started, ['beta']);
    assert.equal((await carnet(['fleet', 'status', '--fleet', root])).status, 0);
  });

  await t.test('two at once are refused', async () => {
    const both = await Promise.allSettled([fleetUp(root), fleetUp(root)]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  await t.test('stopping it ends every process, and a second time nothing', async () => {
    const { layout } = openFleet(root);
    const ids = everyPart.map((name) => runningProcess(layout, name));
    const downed = await fleetDown(root, { force: false, remove: false });
    assert.deepEqual([...downed.stopped].sort(), [...everyPart].sort());
    for (const id of ids) assert.ok(id !== undefined && !isRunning(id));
    assert.deepEqual((await fleetDown(root, { force: false, remove: false })).stopped, []);
  });

  await t.test('a part that does not start takes with it what was started for it', async () => {
    const { layout } = openFleet(root);
    const config = readFileSync(layout.host('gamma').config, 'utf8');
    writeFileSync(layout.host('gamma').config, `${config}mistake: true\n`);
    const said = await carnet(['fleet', 'up', '--fleet', root]);
    assert.equal(said.status, 7);
    assert.match(said.stderr, /gamma did not start: ended with 2/);
    assert.match(said.stderr, /broker\.yaml:\d+:\d+: mistake/);
    assert.ok(fleetStatus(root).every(({ running }) => !running));
    writeFileSync(layout.host('gamma').config, config);
  });

  await t.test('a port that is taken is told from the log of the bus', async () => {
    const { marker } = openFleet(root);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(marker.busPort, '127.0.0.1', resolve));
    try {
      const said = await carnet(['fleet', 'up', '--fleet', root]);
      assert.match(said.stderr, /bus did not start: ended with 1[\s\S]*address already in use/);
      assert.ok(fleetStatus(root).every(({ running }) => !running));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  await t.test('removing it leaves nothing', async () => {
    await fleetDown(root, { force: false, remove: true });
    assert.equal(existsSync(root), false);
  });
});

test('a folder that is not a fleet is neither taken nor removed', async () => {
  writeFileSync(join(base, 'something'), 'precious');
  const said = await carnet(['fleet', 'up', '--fleet', base]);
  assert.equal(said.status, 2);
  assert.match(said.stderr, /is not empty and not the folder of a fleet/);
  const down = await carnet(['fleet', 'down', '--remove', '--fleet', base]);
  assert.equal(down.status, 2);
  assert.deepEqual(readdirSync(base), ['something']);
});

test('a folder too long for the sockets below it is refused before anything is made', async () => {
  const long = join(base, 'x'.repeat(80));
  const said = await carnet(['fleet', 'up', '--fleet', long]);
  assert.equal(said.status, 2);
  assert.match(said.stderr, /too long for a fleet/);
  assert.equal(existsSync(long), false);
});

test('a folder that cannot be made is refused at once', async () => {
  await assert.rejects(fleetUp('/proc/no-such-fleet'), { code: 'USAGE_INVALID' });
});
