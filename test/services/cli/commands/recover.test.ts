import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recovery } from '../../../../shared/messages/recovery.ts';
import type { Answer, Request } from '../../../../shared/messages/request.ts';
import { decisionOf, hostId, vmId } from '../../../support/values.ts';
import { createFakeFleet } from '../fake-fleet.ts';
import { carnet } from '../run-carnet.ts';

const recovery: Recovery = {
  vm: vmId('web'),
  host: hostId('alpha'),
  fenced: hostId('beta'),
  heard: [hostId('gamma')],
  silent: [hostId('delta')],
  about: 'owner',
  epoch: 5,
  memory: 'none',
  risks: ['beta must be off for good', 'what web had in memory is lost'],
  afterwards: 'web is a stopped VM of alpha',
};
const answer = (request: Request): Answer => ({
  is: 'recovery',
  recovery,
  decision: decisionOf('allowed'),
  done: request.verb === 'recover' && request.fenced !== undefined,
});

/** Alpha, which answers, and beta, which owns the VM and is gone. */
async function fleetOf(reply = answer) {
  const fleet = await createFakeFleet();
  const alpha = await fleet.host('alpha', reply);
  await (await fleet.host('beta')).owns('web');
  return {
    alpha,
    run: (argv: string[], options = {}) =>
      carnet(['vm', 'recover', 'web', ...argv], { connect: fleet.connect, ...options }),
  };
}
const asked = { verb: 'recover', vm: 'web' };

test('without --fence-confirmed it says what would be done and what that risks, does nothing, and ends with 2', async () => {
  const { alpha, run } = await fleetOf();
  const said = await run(['--host', 'alpha']);
  assert.equal(said.status, 2);
  assert.match(said.stdout, /web is beta's\.[\s\S]*alpha takes it over in epoch 5[\s\S]*- beta must be off for good\n/);
  assert.match(said.stderr, /Nothing was done\./);
  assert.deepEqual(alpha.asked, [asked]);
  const json = JSON.parse((await run(['--host', 'alpha', '--json'])).stdout) as { recovery: object };
  assert.deepEqual(json.recovery, { ...recovery, done: false });
});

test('with it the risks are told, and the host that was told about is named to the one that takes over', async () => {
  const { alpha, run } = await fleetOf();
  const said = await run(['--host', 'alpha', '--fence-confirmed', '--memory', 'drop']);
  assert.equal(said.status, 0);
  assert.match(said.stderr, /What that risks:\n {2}- beta must be off for good/);
  assert.equal(said.stdout, '✓ web is a stopped VM of alpha (epoch 5)\n');
  assert.deepEqual(alpha.asked, [
    { ...asked, memory: 'drop' },
    { ...asked, memory: 'drop', fenced: 'beta' },
  ]);
});

test('who sits at a terminal has to name the host, unless told --yes', async () => {
  const { alpha, run } = await fleetOf();
  const argv = ['--host', 'alpha', '--fence-confirmed'];
  assert.equal((await run(argv, { answers: 'alpha' })).status, 2);
  assert.deepEqual(alpha.asked, [asked]);
  assert.equal((await run(argv, { answers: ' beta ' })).status, 0);
  assert.equal((await run([...argv, '--yes'], { answers: 'no' })).status, 0);
});

test('a host that does not answer is told, and named to the one that takes over when it is off as well', async () => {
  const { alpha, run } = await fleetOf();
  const argv = ['--host', 'alpha', '--fence-confirmed', '--also-fenced', 'delta', '--also-fenced', 'epsilon'];
  assert.match((await run(['--host', 'alpha'])).stdout, /not on gamma[\s\S]*delta did not say.*--also-fenced delta\./);
  assert.equal((await run(argv, { answers: 'beta delta' })).status, 2);
  assert.equal((await run(argv, { answers: 'beta, epsilon delta' })).status, 0);
  const alsoFenced = ['delta', 'epsilon'];
  assert.deepEqual(alpha.asked.at(-1), { ...asked, fenced: 'beta', alsoFenced });
});

test('a host that answers and lists the VM is found; where none does, the person says which', async () => {
  const { run } = await fleetOf();
  const nobody = await run([]);
  assert.equal(nobody.status, 2);
  assert.match(nobody.stderr, /no host that answers lists `web`/);
  const lists = await fleetOf((request) =>
    request.verb === 'list'
      ? {
          is: 'vms',
          vms: [{ vm: vmId('web'), host: hostId('alpha'), state: 'in-doubt', label: null, epoch: 1, memoryMiB: 1 }],
        }
      : answer(request),
  );
  assert.equal((await lists.run(['--fence-confirmed'])).status, 0);
});

test('a refusal by policy and a fault end as everywhere', async () => {
  const refused = await fleetOf(() => ({ is: 'refused', decision: decisionOf('refused', { action: 'recover' }) }));
  assert.equal((await refused.run(['--host', 'alpha'])).status, 8);
  const failed = await fleetOf(() => ({ is: 'failed', fault: { code: 'OWNER_CONFLICT', message: 'it runs here' } }));
  assert.equal((await failed.run(['--host', 'alpha', '--fence-confirmed'])).status, 5);
});
