import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readSchedulerConfig } from '../../../services/scheduler/config.ts';
import type { ClientName } from '../../../shared/ids.ts';

const client = (name: string) => name as ClientName;
const base = 'bus: { servers: ["nats://127.0.0.1:4222"] }\nidentity: identity\nstate: state\nlogs: /var/log/carnet\n';
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carnet-scheduler-'));
});
after(() => rm(folder, { recursive: true }));
async function read(text: string) {
  const file = join(folder, 'scheduler.yaml');
  await writeFile(file, text);
  return readSchedulerConfig(file);
}

describe('scheduler.yaml', () => {
  test('has paths relative to its own folder', async () => {
    const config = await read(`${base}actsFor: clients\n`);
    assert.deepEqual(
      [config.identity, config.state, config.logFile],
      [join(folder, 'identity'), join(folder, 'state'), '/var/log/carnet/scheduler.log'],
    );
  });

  test('names a folder with an identity per client, or the folder of each', async () => {
    const config = await read(`${base}actsFor: clients\nclients: { operator: /home/operator/identity }\n`);
    assert.equal(config.identityFolder(client('operator')), '/home/operator/identity');
    assert.equal(config.identityFolder(client('monitor')), join(folder, 'clients', 'monitor'));
    const listed = await read(`${base}clients: { operator: operator }\n`);
    assert.equal(listed.identityFolder(client('operator')), join(folder, 'operator'));
    assert.equal(listed.identityFolder(client('monitor')), undefined);
  });

  test('that says for whom nothing, or what no client is named, is refused', async () => {
    await assert.rejects(read(base), { code: 'CONFIG_INVALID', message: /neither actsFor nor clients/ });
    await assert.rejects(read(`${base}clients: { "../operator": x }\n`), {
      code: 'CONFIG_INVALID',
      message: /client name/,
    });
    await assert.rejects(read(`${base}actsFor: clients\nactFor: x\n`), { code: 'CONFIG_INVALID', message: /actFor/ });
  });
});
