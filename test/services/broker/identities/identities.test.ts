import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Policy } from '../../../../policy/policy.ts';
import { readIdentities } from '../../../../services/broker/identities/identities.ts';
import type { ClientName, HostName } from '../../../../shared/ids.ts';
import { contexts } from '../../../support/gate/asks.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'carnet-identities-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function read(text: string, policy?: Policy) {
  const path = join(directory, 'identities.yaml');
  await writeFile(path, text);
  return readIdentities(path, policy);
}
const client = (name: string) => name as ClientName;
const host = (name: string) => name as HostName;

const map = `
- { role: client, name: operator, context: '${contexts.operator}' }
- { role: client, name: 'ops-guest', context: '${contexts.monitor}' }
- { role: client, name: 'ops-*', context: '${contexts.operator}' }
- { role: host, name: beta, context: '${contexts.peer}' }
`;

test('a name has the context of the first line that matches it', async () => {
  const identities = await read(map, loaded(await shippedText()));
  assert.equal(identities.contextOf('client', client('operator')), contexts.operator);
  assert.equal(identities.contextOf('client', client('ops-7')), contexts.operator);
  assert.equal(identities.contextOf('client', client('ops-guest')), contexts.monitor);
  assert.equal(identities.contextOf('host', host('beta')), contexts.peer);
});

test('a name that no line matches has no context', async () => {
  const identities = await read(map);
  for (const name of ['', 'operato', 'operators', 'op', 'ops', 'xops-1', '*', 'ops*', 'constructor']) {
    assert.equal(identities.contextOf('client', client(name)), undefined, name);
  }
});

test('a client is never taken for a host of its name, nor a host for a client', async () => {
  const identities = await read(map);
  assert.equal(identities.contextOf('host', host('operator')), undefined);
  assert.equal(identities.contextOf('client', client('beta')), undefined);
});

test('a lone star matches every name of its role', async () => {
  const identities = await read(`- { role: host, name: '*', context: '${contexts.peer}' }`);
  assert.equal(identities.contextOf('host', host('anyone')), contexts.peer);
  assert.equal(identities.contextOf('client', client('anyone')), undefined);
});

for (const [what, text] of [
  ['an unknown role', "- { role: admin, name: a, context: 'u:r:t' }"],
  ['a name with a star inside', "- { role: client, name: 'a*b', context: 'u:r:t' }"],
  ['a name in capitals', "- { role: client, name: Operator, context: 'u:r:t' }"],
  ['no context', '- { role: client, name: a }'],
  ['a context without a type', "- { role: client, name: a, context: 'u:r' }"],
  ['an unknown field', "- { role: client, name: a, context: 'u:r:t', comment: x }"],
  ['text that is no list', 'operator: u:r:t'],
] as const) {
  test(`a map with ${what} is refused`, async () => {
    await assert.rejects(read(text), { code: 'CONFIG_INVALID' });
  });
}

test('a context the policy does not know is refused at once, by the name it is for', async () => {
  const text = "- { role: client, name: guest, context: 'system_u:system_r:nowhere_t:s0' }";
  await assert.rejects(read(text, loaded(await shippedText())), { code: 'CONFIG_INVALID', message: /client guest/ });
});

test("a context that is not spelt as the policy spells it is refused, with the policy's spelling", async () => {
  const text = "- { role: host, name: beta, context: 'system_u:system_r:beta_host_t:s0-s3:c0.c511,c512.c1023' }";
  await assert.rejects(read(text, loaded(await shippedText())), {
    code: 'CONFIG_INVALID',
    hint: `the policy spells it \`${contexts.peer}\``,
  });
});
