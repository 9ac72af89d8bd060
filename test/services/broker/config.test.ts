import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readBrokerConfig } from '../../../services/broker/config.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'carnet-config-'));
});
after(() => rm(directory, { recursive: true, force: true }));

async function read(policy: string) {
  const file = join(directory, 'broker.yaml');
  await writeFile(
    file,
    `host: alpha
address: 10.0.0.11
bus: { servers: [ "nats://10.0.0.10:4222" ] }
identity: identity
identities: identities.yaml
policy: ${policy}
context: "system_u:system_r:carnet_t:s0"
pool: { directory: /srv/pool }
checkpoints: { directory: checkpoints, context: "system_u:object_r:carnet_store_t:s0" }
state: state
run: run
logs: logs
`,
  );
  return readBrokerConfig(file);
}

test('paths are taken from the folder of the configuration, and what is left out has its default', async () => {
  const config = await read('{ file: policy.conf }');
  assert.deepEqual(config.policy, {
    file: join(directory, 'policy.conf'),
    kernel: false,
    enforcing: true,
    mustConfine: false,
  });
  assert.deepEqual([config.state, config.pool.directory], [join(directory, 'state'), '/srv/pool']);
});

test("a broker decides by a file's policy or by its kernel's, not by both and not by none", async () => {
  const { policy } = await read('{ kernel: true }');
  assert.deepEqual([policy.kernel, policy.file], [true, undefined]);
  for (const wrong of ['{ file: policy.conf, kernel: true }', '{}', '{ kernel: false }']) {
    await assert.rejects(
      read(wrong),
      (error) => error instanceof BrokerError && error.code === 'CONFIG_INVALID' && /policy/.test(error.message),
    );
  }
});
