import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Request } from '../../../../shared/messages/request.ts';
import type { VmView } from '../../../../shared/messages/view.ts';
import { decisionOf, hostId, labelOf, operationIdOf, specOf, vmId } from '../../../support/values.ts';
import { createFakeFleet } from '../fake-fleet.ts';
import { carnet } from '../run-carnet.ts';

const view: VmView = {
  vm: vmId('web'),
  host: hostId('alpha'),
  state: 'running',
  label: labelOf('u:r:vm_t:s0:c1,c2'),
  epoch: 3,
  spec: specOf('web'),
  accelerator: 'tcg',
  pid: 4242,
  operation: null,
  console: '/run/web.log',
};

async function alphaWith(answer: (request: Request) => Answer) {
  const fleet = await createFakeFleet();
  const alpha = await fleet.host('alpha', answer);
  await alpha.owns('web');
  return { alpha, run: (...argv: string[]) => carnet(argv, { connect: fleet.connect }) };
}

test('vm show asks the owner and prints the VM in full, in JSON under its key', async () => {
  const { alpha, run } = await alphaWith(() => ({ is: 'vm', vm: view }));
  const shown = await run('vm', 'show', 'web');
  assert.equal(shown.status, 0);
  for (const line of [
    /^label: +u:r:vm_t:s0:c1,c2$/m,
    /^epoch: +3$/m,
    /^process: +4242$/m,
    /^images: +web\.qcow2 \(disk, qcow2\)$/m,
  ])
    assert.match(shown.stdout, line);
  assert.deepEqual(alpha.asked, [{ verb: 'show', vm: 'web' }]);
  const { schema, vm } = JSON.parse((await run('vm', 'show', 'web', '--json')).stdout) as {
    schema: number;
    vm: VmView;
  };
  assert.equal(schema, 1);
  assert.deepEqual(vm, JSON.parse(JSON.stringify(view)));
});

const inDoubt: VmView = {
  ...view,
  state: 'in-doubt',
  waits: {
    for: 'in-doubt',
    peer: hostId('beta'),
    sinceMs: Date.parse('2026-01-02T03:04:05'),
    attempts: 9,
    nextAtMs: Date.parse('2026-01-02T03:14:05'),
    lastFault: { code: 'BUS_TIMEOUT', message: 'nobody answered' },
    stuck: true,
    remedy: 'bring beta back',
  },
};

test('vm show says why a VM waits, since when, how often it was tried, and what would help', async () => {
  const { run } = await alphaWith(() => ({ is: 'vm', vm: inDoubt }));
  const { stdout } = await run('vm', 'show', 'web');
  assert.match(
    stdout,
    /^waits: +stuck: in doubt whether beta runs it.* \(since 2026-01-02 03:04:05, attempt 9, next at 2026-01-02 03:14:05\)$/m,
  );
  assert.match(stdout, /^last fault: +nobody answered \[BUS_TIMEOUT\]$/m);
  assert.match(stdout, /^what helps: +bring beta back$/m);
});

test('vm show asks whoever has something of a VM when its owner does not answer, and only the host that is named', async () => {
  const fleet = await createFakeFleet();
  const alpha = await fleet.host('alpha', ({ verb }) =>
    verb === 'list'
      ? {
          is: 'vms',
          vms: [
            { vm: view.vm, host: view.host, state: 'in-doubt', label: null, epoch: 3, memoryMiB: 1, waits: 'in-doubt' },
          ],
        }
      : { is: 'vm', vm: inDoubt },
  );
  const beta = await fleet.host('beta');
  await beta.owns('web');
  const run = (...argv: string[]) => carnet(argv, { connect: fleet.connect });
  assert.match((await run('vm', 'list')).stdout, /in-doubt, waits: in-doubt/);
  assert.match((await run('vm', 'show', 'web')).stdout, /in doubt whether beta runs it/);
  assert.deepEqual(alpha.asked.at(-1), { verb: 'show', vm: 'web' });
  assert.match((await run('vm', 'show', 'web', '--host', 'alpha')).stdout, /in doubt whether beta runs it/);
  assert.match((await run('vm', 'show', 'web', '--host', 'beta')).stderr, /BUS_NO_RESPONDER/);
});

test('vm show of a VM that one may not see ends with 8, of one that is not there with 4', async () => {
  const refused = await alphaWith(() => ({ is: 'refused', decision: decisionOf('refused', { action: 'monitor' }) }));
  assert.equal((await refused.run('vm', 'show', 'web')).status, 8);
  const unknown = await alphaWith(() => ({ is: 'failed', fault: { code: 'VM_UNKNOWN', message: 'no `web` here' } }));
  const { status, stderr, stdout } = await unknown.run('vm', 'show', 'web');
  assert.equal(status, 4);
  assert.match(stderr, /no `web` here \[VM_UNKNOWN\]/);
  assert.equal(stdout, '');
});

test('an answer to another question is said to be none', async () => {
  const { run } = await alphaWith(() => ({ is: 'vms', vms: [] }));
  const { status, stderr } = await run('vm', 'show', 'web');
  assert.equal(status, 7);
  assert.match(stderr, /alpha answered with `vms`, which is no answer to that/);
});

for (const [argv, asked] of [
  [['stop', 'web'], { verb: 'stop', vm: 'web', force: false }],
  [['stop', 'web', '--force'], { verb: 'stop', vm: 'web', force: true }],
  [['suspend', 'web'], { verb: 'suspend', vm: 'web' }],
  [['resume', 'web'], { verb: 'resume', vm: 'web' }],
  [['delete', 'web'], { verb: 'delete', vm: 'web' }],
] as const) {
  test(`vm ${argv.join(' ')} asks exactly that of the owner, and says that it is done`, async () => {
    const { alpha, run } = await alphaWith(() => ({ is: 'done' }));
    const { status, stdout, stderr } = await run('vm', ...argv);
    assert.equal(status, 0);
    assert.equal(stdout, '');
    assert.equal(stderr, `✓ ${argv[0]} on alpha\n`);
    assert.deepEqual(alpha.asked, [asked]);
  });
}

test('--dry-run asks what would be decided and nothing else', async () => {
  const { alpha, run } = await alphaWith(() => ({
    is: 'explained',
    decisions: [decisionOf('allowed', { action: 'stop' })],
  }));
  assert.equal((await run('vm', 'stop', 'web', '--dry-run')).status, 0);
  assert.deepEqual(
    alpha.asked.map(({ verb }) => verb),
    ['explain'],
  );
});

test('an operation that began is named with --no-wait, and may be given to operation show', async () => {
  const operation = operationIdOf(7);
  const { run } = await alphaWith(() => ({ is: 'accepted', operation }));
  assert.equal((await run('vm', 'save', 'web', '--no-wait')).stdout, `${operation}\n`);
});
