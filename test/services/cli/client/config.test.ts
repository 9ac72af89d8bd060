import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findClientFile, fleetFolder, readClientConfig } from '../../../../services/cli/client/config.ts';

let home = '';
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'carnet-home-'));
});
after(() => rm(home, { recursive: true }));

const found = (options: { as?: string; fleet?: string; config?: string }, env: Record<string, string> = {}) =>
  findClientFile(
    { output: 'table', ...options },
    { XDG_CONFIG_HOME: join(home, 'config'), XDG_STATE_HOME: join(home, 'state'), ...env },
  );

test('a file that is named is the one', () => {
  assert.equal(found({ config: 'x.yaml', as: 'monitor', fleet: '/f' }, { CARNET_CONFIG: 'y.yaml' }), 'x.yaml');
});

test('a fleet that is named has a client of each name, operator where none is', () => {
  assert.equal(found({ fleet: '/f' }), '/f/clients/operator/client.yaml');
  assert.equal(found({ fleet: '/f', as: 'monitor' }), '/f/clients/monitor/client.yaml');
  assert.equal(found({}, { CARNET_FLEET: '/g' }), '/g/clients/operator/client.yaml');
  assert.equal(found({ as: 'monitor' }), join(home, 'state/carnet/clients/monitor/client.yaml'));
  assert.equal(fleetFolder({ fleet: '/f' }, { CARNET_FLEET: '/g' }), '/f');
});

test('otherwise it is the environment, the own configuration, and last the fleet on this machine', async () => {
  assert.equal(found({}, { CARNET_CONFIG: 'y.yaml' }), 'y.yaml');
  assert.equal(found({}), join(home, 'state/carnet/clients/operator/client.yaml'));
  const own = join(home, 'config/carnet/client.yaml');
  await mkdir(join(home, 'config/carnet'), { recursive: true });
  await writeFile(own, 'bus: { servers: [ "nats://127.0.0.1:4222" ] }\nidentity: identity\n');
  assert.equal(found({}), own);
  assert.equal((await readClientConfig(own)).identity, join(home, 'config/carnet/identity'));
});

test('what client.yaml does not know is refused, with its place', async () => {
  const file = join(home, 'odd.yaml');
  await writeFile(file, 'bus: { servers: [] }\nidentity: identity\npassword: x\n');
  await assert.rejects(readClientConfig(file), /odd\.yaml:3:\d+: password/);
});
