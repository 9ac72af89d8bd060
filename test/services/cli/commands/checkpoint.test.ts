import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Request } from '../../../../shared/messages/request.ts';
import type { CheckpointView } from '../../../../shared/messages/view.ts';
import { carnetFor, checkpointIdOf, clientId, decisionOf, hostId, labelOf, vmId } from '../../../support/values.ts';
import { createFakeFleet } from '../fake-fleet.ts';
import { carnet } from '../run-carnet.ts';

const checkpoint = checkpointIdOf(5);
const file = { bytes: 4096, digest: 'a'.repeat(64) };
const view: CheckpointView = {
  manifest: {
    version: 1,
    checkpoint,
    carnet: carnetFor('web', 'beta', 2),
    takenAtMs: 0,
    takenFor: clientId('operator'),
    stateLabel: labelOf('system_u:object_r:vm_state_t:s0'),
    memory: file,
    devices: file,
    disks: [],
    pauseMs: 31,
  },
  manifestDigest: 'b'.repeat(64),
  inUse: true,
};
const listed: Answer = {
  is: 'checkpoints',
  checkpoints: [
    {
      checkpoint,
      vm: vmId('web'),
      host: hostId('beta'),
      takenAtMs: 0,
      takenFor: clientId('operator'),
      label: labelOf('u:r:vm_t:s0'),
      bytes: 8192,
    },
  ],
};

/** Alpha and beta list the same checkpoint, which beta took; what is asked of one of them is answered by the test. */
async function storeWith(answer: (request: Request) => Answer) {
  const fleet = await createFakeFleet();
  const either = (request: Request): Answer => (request.verb === 'checkpoint-list' ? listed : answer(request));
  const [alpha, beta] = [await fleet.host('alpha', either), await fleet.host('beta', either)];
  return { alpha, beta, run: (...argv: string[]) => carnet(['checkpoint', ...argv], { connect: fleet.connect }) };
}

test('checkpoint show prints the signed manifest, of the host that took it', async () => {
  const { beta, run } = await storeWith(() => ({ is: 'checkpoint', checkpoint: view }));
  const { status, stdout } = await run('show', checkpoint);
  assert.equal(status, 0);
  for (const line of [
    /^taken on: +beta, epoch 2$/m,
    /^guest paused: +31 ms$/m,
    /^in use: +yes: a VM maps its memory$/m,
  ])
    assert.match(stdout, line);
  assert.deepEqual(beta.asked.at(-1), { verb: 'checkpoint-show', checkpoint });
});

test('checkpoint verify says how much was checked and where, and ends with 9 when a byte differs', async () => {
  const sound = await storeWith(() => ({ is: 'verified', checkpoint, bytes: 1024 ** 2, ms: 12 }));
  const { status, stdout } = await sound.run('verify', checkpoint, '--host', 'alpha');
  assert.equal(status, 0);
  assert.equal(stdout, `✓ ${checkpoint} is what its manifest says: 1.00 MiB checked on alpha in 12 ms\n`);
  assert.deepEqual(sound.alpha.asked, [{ verb: 'checkpoint-verify', checkpoint }]);
  const fault = { code: 'CHECKPOINT_DAMAGED', message: 'memory differs' } as const;
  const damaged = await storeWith(() => ({ is: 'failed', fault }));
  const said = await damaged.run('verify', checkpoint);
  assert.equal(said.status, 9);
  assert.match(said.stderr, /memory differs \[CHECKPOINT_DAMAGED\]/);
});

test('checkpoint rm asks the host that took it, and is refused like anything else', async () => {
  const { beta, run } = await storeWith(() => ({ is: 'done' }));
  assert.equal((await run('rm', checkpoint)).status, 0);
  assert.deepEqual(beta.asked.at(-1), { verb: 'checkpoint-remove', checkpoint });
  const refusing = await storeWith(() => ({ is: 'refused', decision: decisionOf('refused', { action: 'delete' }) }));
  assert.equal((await refusing.run('rm', checkpoint)).status, 8);
});

test('a checkpoint that no host lists is not found', async () => {
  const { run } = await storeWith(() => ({ is: 'done' }));
  const { status, stderr } = await run('show', checkpointIdOf(6));
  assert.equal(status, 4);
  assert.match(stderr, /CHECKPOINT_UNKNOWN/);
});
