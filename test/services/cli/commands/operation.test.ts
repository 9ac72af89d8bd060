import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../../../shared/messages/request.ts';
import type { OperationView } from '../../../../shared/messages/view.ts';
import { clientId, decisionOf, hostId, labelOf, operationIdOf, vmId } from '../../../support/values.ts';
import { createFakeFleet } from '../fake-fleet.ts';
import { carnet } from '../run-carnet.ts';

const viewOf = (n: number, changes: Partial<OperationView> = {}): OperationView => ({
  operation: operationIdOf(n),
  kind: 'migrate-source',
  vm: vmId('web'),
  state: 'completed',
  client: clientId('operator'),
  startedAtMs: n,
  endedAtMs: n + 1,
  progress: { phase: 'completed', downtimeMs: 140 },
  decisions: [decisionOf('allowed', { action: 'migrate-out' })],
  outcome: { is: 'completed', label: labelOf('u:r:vm_t:s0') },
  ...changes,
});
const view = (one: OperationView): Answer => ({ is: 'operation', operation: one });
const unknown: Answer = { is: 'failed', fault: { code: 'OPERATION_UNKNOWN', message: 'not here' } };

async function fleetOf(hosts: Record<string, Answer>) {
  const fleet = await createFakeFleet();
  for (const [name, answer] of Object.entries(hosts)) await fleet.host(name, () => answer);
  return (...argv: string[]) => carnet(['operation', ...argv], { connect: fleet.connect });
}

test('operation list has those of all hosts, newest first, and says which host did not answer', async () => {
  const run = await fleetOf({
    alpha: { is: 'operations', operations: [viewOf(1), viewOf(3)] },
    beta: { is: 'operations', operations: [viewOf(2)] },
    gamma: unknown,
  });
  const { status, stdout, stderr } = await run('list', '-o', 'name');
  assert.equal(stdout, [3, 2, 1].map((n) => `${operationIdOf(n)}\n`).join(''));
  assert.equal(status, 3);
  assert.match(stderr, /gamma/);
});

test('operation show tells the story of the host that was asked for it, with its decisions', async () => {
  const run = await fleetOf({
    alpha: view(viewOf(1, { kind: 'migrate-destination' })),
    beta: view(viewOf(1)),
    gamma: unknown,
  });
  const { status, stdout } = await run('show', operationIdOf(1));
  assert.equal(status, 0);
  assert.match(stdout, /^kind: +migrate-source$/m);
  assert.match(stdout, /migrate-out/);
});

test('operation show of one that ended otherwise still is an answer', async () => {
  const run = await fleetOf({ alpha: view(viewOf(1, { outcome: { is: 'cancelled' } })) });
  const { status, stdout } = await run('show', operationIdOf(1));
  assert.equal(status, 0);
  assert.match(stdout, /^outcome: +cancelled$/m);
});

test('an operation that no host knows is not found, and one that may not be seen is refused', async () => {
  const nobody = await fleetOf({ alpha: unknown, beta: unknown });
  const { status, stderr } = await nobody('show', operationIdOf(1));
  assert.equal(status, 4);
  assert.match(stderr, /no host knows op-/);
  const refusing = await fleetOf({ alpha: { is: 'refused', decision: decisionOf('refused', { action: 'monitor' }) } });
  assert.equal((await refusing('show', operationIdOf(1))).status, 8);
});

for (const verb of ['cancel', 'force'] as const) {
  test(`operation ${verb} asks the host that was asked for it, and says so when it cannot be done any more`, async () => {
    const asked: string[] = [];
    const late: Answer = { is: 'failed', fault: { code: 'OPERATION_STATE', message: 'it is too late for that' } };
    const answering = async (answer: Answer) => {
      const fleet = await createFakeFleet();
      await fleet.host('alpha', () => view(viewOf(1, { kind: 'migrate-destination' })));
      await fleet.host('beta', (request) => {
        asked.push(request.verb);
        return request.verb === verb ? answer : view(viewOf(1));
      });
      return carnet(['operation', verb, operationIdOf(1)], { connect: fleet.connect });
    };
    assert.equal((await answering({ is: 'done' })).status, 0);
    const { status, stderr } = await answering(late);
    assert.equal(status, 5);
    assert.match(stderr, /too late for that/);
    assert.deepEqual(asked, ['operation', verb, 'operation', verb]);
  });
}
test('a migration that waits says where it stands, for what and since when', async () => {
  const queue = { position: 2, length: 7, priority: 9, waitsFor: 'destination', sinceMs: 1_700_000_000_000 } as const;
  const waiting = viewOf(1, { state: 'queued', peer: hostId('beta'), queue, outcome: null, endedAtMs: null });
  const run = await fleetOf({ alpha: view({ ...waiting, progress: { phase: 'queued' } }) });
  const { stdout } = await run('show', operationIdOf(1));
  assert.match(stdout, /^to: +beta$/m);
  assert.match(stdout, /^waits: +2\/7, until beta has room for one more, since 2023-11-1\d/m);
  assert.match(stdout, /^priority: +9$/m);
  const listed = await fleetOf({ alpha: { is: 'operations', operations: [waiting] } });
  assert.match((await listed('list')).stdout, /queued 2\/7 +under way/);
});
