import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { glob } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { connectClient } from '../../../../services/cli/client/connect.ts';
import { makeAuthority } from '../../../../services/cli/fleet/authority.ts';
import { fleetDown } from '../../../../services/cli/fleet/down.ts';
import { openFleet } from '../../../../services/cli/fleet/folder.ts';
import { layoutOf, programOf } from '../../../../services/cli/fleet/layout.ts';
import { isRunning } from '../../../../services/cli/fleet/proc.ts';
import { runningProcess, stopProcess } from '../../../../services/cli/fleet/processes.ts';
import { fleetStatus } from '../../../../services/cli/fleet/status.ts';
import { fleetUp } from '../../../../services/cli/fleet/up.ts';
import { loadAuthority } from '../../../../shared/pki/authority.ts';
import { loadIdentity } from '../../../../shared/pki/identity.ts';
import { carnet } from '../run-carnet.ts';

const base = mkdtempSync(join(tmpdir(), 'cf-'));
const root = join(base, 'f');
const everyPart = ['bus', 'authority', 'alpha', 'beta', 'gamma', 'scheduler'];
const members = [
  ...['alpha', 'beta', 'gamma'].map((name) => ({ role: 'host', name, at: layoutOf(root).host(name).identity })),
  ...['operator', 'monitor', 'intruder'].map((name) => ({
    role: 'client',
    name,
    at: layoutOf(root).client(name).identity,
  })),
  { role: 'service', name: 'scheduler', at: layoutOf(root).scheduler.identity },
];

/** The certificates the members have, by name. */
const fingerprints = async () =>
  Object.fromEntries(
    await Promise.all(members.map(async ({ name, at }) => [name, (await loadIdentity(at)).certificateFingerprint])),
  ) as Record<string, string>;

/** The certificates the authority says it has issued, by name. */
const listed = async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    programOf('authority'),
    'list',
    '--directory',
    layoutOf(root).authority.folder,
  ]);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t').slice(1, 3)),
  ) as Record<string, string>;
};

after(async () => {
  if (existsSync(layoutOf(root).marker)) await fleetDown(root, { force: true, remove: true });
  rmSync(base, { recursive: true, force: true });
});

test('a fleet is made, started, repaired, stopped and removed', async (t) => {
  const upped = await fleetUp(root);
  assert.deepEqual([...upped.started].sort(), [...everyPart].sort());
  assert.deepEqual([...upped.enrolled].sort(), members.map(({ name }) => name).sort());

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

  await t.test('whoever has a certificate has it from the authority, for a token that was good once', async () => {
    assert.deepEqual(await listed(), await fingerprints());
    const log = readFileSync(layoutOf(root).authority.log, 'utf8');
    for (const { role, name } of members) assert.equal(log.split(`"holder":"${role} ${name}"`).length, 2, name);
  });

  await t.test('keys are for their owner alone', () => {
    for (const path of [layoutOf(root).authority.folder, layoutOf(root).host('alpha').identity, root]) {
      assert.equal(statSync(path).mode & 0o077, 0, path);
    }
  });

  await t.test('starting it again starts nothing', async () => {
    const again = await fleetUp(root);
    assert.deepEqual([again.started, again.enrolled], [[], []]);
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

  await t.test('without its authority the fleet goes on, and status says what is missing', async () => {
    const { layout } = openFleet(root);
    const authority = runningProcess(layout, 'authority');
    assert.ok(authority !== undefined);
    process.kill(authority.pid, 'SIGKILL');
    await stopProcess(authority);
    const said = await carnet(['host', 'list', '-o', 'name', '--fleet', root], { connect: connectClient });
    assert.deepEqual([said.status, said.stdout], [0, 'alpha\nbeta\ngamma\n']);
    const status = await carnet(['fleet', 'status', '--json', '--fleet', root]);
    assert.equal(status.status, 3);
    const { parts } = JSON.parse(status.stdout) as { parts: { part: string; kind: string; running: boolean }[] };
    assert.deepEqual(
      parts.filter(({ running }) => !running).map(({ part, kind }) => [part, kind]),
      [['authority', 'authority']],
    );
    assert.deepEqual((await fleetUp(root)).started, ['authority']);
  });

  await t.test('who lost their identity is enrolled again, and everybody else keeps theirs', async () => {
    const before = await fingerprints();
    rmSync(layoutOf(root).client('intruder').identity, { recursive: true });
    const again = await fleetUp(root);
    assert.deepEqual([again.started, again.enrolled], [[], ['intruder']]);
    const after = await fingerprints();
    assert.notEqual(after['intruder'], before['intruder']);
    assert.deepEqual({ ...after, intruder: '' }, { ...before, intruder: '' });
    assert.deepEqual(await listed(), after);
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

  await t.test('where the authority is gone no other takes its place', async () => {
    const { folder } = layoutOf(root).authority;
    renameSync(folder, `${base}/away`);
    await assert.rejects(fleetUp(root), { code: 'CONFIG_INVALID', message: /the authority of this fleet is not in/ });
    assert.equal(existsSync(folder), false);
    renameSync(`${base}/away`, folder);
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

test('an authority that was interrupted while it was made is made anew', async () => {
  const folder = join(base, 'half');
  mkdirSync(join(`${folder}/authority.new`), { recursive: true });
  writeFileSync(join(folder, 'authority.new/authority-key.pem'), 'half a key');
  const layout = layoutOf(folder);
  await makeAuthority(layout, 'local');
  assert.equal((await loadAuthority(layout.authority.folder)).fleet, 'local');
  const made = readFileSync(layout.authority.certificate, 'utf8');
  await makeAuthority(layout, 'local');
  assert.equal(readFileSync(layout.authority.certificate, 'utf8'), made);
});

test('nothing of the command line can load the key of the authority', async () => {
  for await (const file of glob('services/cli/**/*.ts')) {
    assert.doesNotMatch(readFileSync(file, 'utf8'), /pki\/authority\.ts/, file);
  }
});
