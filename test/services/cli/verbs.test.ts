import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Answer, Request } from '../../../shared/messages/request.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import { checkpointIdOf, clientId, decisionOf, hostId, labelOf, operationIdOf, vmId } from '../../support/values.ts';
import { createFakeFleet } from './fake-fleet.ts';
import { carnet } from './run-carnet.ts';

const operation = operationIdOf(1);
const viewOf = (changes: Partial<OperationView>): OperationView => ({
  operation,
  kind: 'start',
  vm: vmId('web'),
  state: 'launching',
  client: clientId('operator'),
  startedAtMs: 0,
  endedAtMs: null,
  progress: { phase: 'launching' },
  decisions: [],
  outcome: null,
  ...changes,
});
const ended = viewOf({ outcome: { is: 'completed', label: labelOf('u:r:vm_t:s0') }, endedAtMs: 1 });
const summaryOf = (vm: string, host: string): Extract<Answer, { is: 'vms' }>['vms'][number] => ({
  vm: vmId(vm),
  host: hostId(host),
  state: 'running',
  label: labelOf('u:r:vm_t:s0'),
  epoch: 1,
  memoryMiB: 256,
});

/** One host, alpha, that owns the VM `web` and answers as the test says. */
async function alphaWith(answer: (request: Request) => Answer | Promise<Answer>) {
  const fleet = await createFakeFleet();
  const alpha = await fleet.host('alpha', answer);
  await alpha.owns('web');
  return { alpha, connect: fleet.connect };
}

test('an operation is followed to its end, and its result printed', async () => {
  const { alpha, connect } = await alphaWith((request) =>
    request.verb === 'start' ? { is: 'accepted', operation } : { is: 'operation', operation: ended },
  );
  const { status, stdout } = await carnet(['vm', 'start', 'web'], { connect });
  assert.equal(status, 0);
  assert.equal(stdout, '✓ start web as u:r:vm_t:s0\n');
  assert.deepEqual(alpha.asked[0], { verb: 'start', vm: 'web' });
});

test('a notice that an operation ended is enough, whatever the polling says', async () => {
  const { alpha, connect } = await alphaWith((request) => {
    if (request.verb === 'start') return { is: 'accepted', operation };
    alpha.notify(ended);
    return { is: 'operation', operation: viewOf({}) };
  });
  const { status, stdout } = await carnet(['vm', 'start', 'web', '-o', 'name'], { connect });
  assert.equal(status, 0);
  assert.equal(stdout, `${operation}\n`);
});

test('a notice of another host about the operation is not believed', async () => {
  const fleet = await createFakeFleet();
  const beta = await fleet.host('beta', () => ({ is: 'vms', vms: [] }));
  const failed = viewOf({ outcome: { is: 'failed', fault: { code: 'QEMU_FAILED', message: 'a lie' } } });
  const alpha = await fleet.host('alpha', (request) => {
    if (request.verb === 'start') {
      beta.notify(failed);
      return { is: 'accepted', operation };
    }
    return { is: 'operation', operation: ended };
  });
  await alpha.owns('web');
  assert.equal((await carnet(['vm', 'start', 'web'], { connect: fleet.connect })).status, 0);
});

test('a refusal by policy ends with 8 and names the missing rule, in JSON too', async () => {
  const decision = decisionOf('refused', {
    questions: [
      {
        kind: 'access',
        why: 'the client may start it',
        asked: 'a:b:c_t:s0 d:e:f_t:s0:vm { start }',
        allowed: false,
        reason: 'TE',
        rules: [],
        missing: 'allow c_t f_t:vm start;',
      },
    ],
  });
  const { connect } = await alphaWith(() => ({ is: 'refused', decision }));
  const people = await carnet(['vm', 'start', 'web'], { connect });
  assert.equal(people.status, 8);
  assert.equal(people.stdout, '');
  assert.match(
    people.stderr,
    /✗ a:b:c_t:s0 d:e:f_t:s0:vm \{ start \} {2}\[TE\][\s\S]*missing: allow c_t f_t:vm start;/,
  );
  const machine = await carnet(['vm', 'start', 'web', '--json'], { connect });
  assert.equal(machine.status, 8);
  const error = JSON.parse(machine.stderr) as Record<string, unknown>;
  assert.deepEqual([error['code'], error['name'], error['rule']], [8, 'POLICY_REFUSED', 'allow c_t f_t:vm start;']);
});

test('a fault of the host ends with the status of its code', async () => {
  for (const [code, status] of [
    ['VM_BUSY', 5],
    ['CHECKPOINT_DAMAGED', 9],
    ['HOST_INCOMPATIBLE', 10],
  ] as const) {
    const { connect } = await alphaWith(() => ({ is: 'failed', fault: { code, message: 'so it is' } }));
    const said = await carnet(['vm', 'save', 'web'], { connect });
    assert.equal(said.status, status);
    assert.equal(said.stderr, `carnet: so it is [${code}]\n`);
  }
});

test('--no-wait prints the id of the operation and asks no more', async () => {
  const { alpha, connect } = await alphaWith(() => ({ is: 'accepted', operation }));
  const { status, stdout } = await carnet(['vm', 'migrate', 'web', 'beta', '--no-wait', '--bandwidth', '1M'], {
    connect,
  });
  assert.equal(status, 0);
  assert.equal(stdout, `${operation}\n`);
  assert.deepEqual(alpha.asked, [
    {
      verb: 'migrate',
      vm: 'web',
      destination: 'beta',
      options: { bandwidthBytesPerSecond: 1024 ** 2, downtimeMsMax: 300 },
    },
  ]);
});

test('a migration asks for what was said, and its timeout is its own', async () => {
  const { alpha, connect } = await alphaWith((request) =>
    request.verb === 'migrate' ? { is: 'accepted', operation } : { is: 'operation', operation: viewOf(ended) },
  );
  const said = ['--auto-converge', '--timeout', '10min', '--on-timeout', 'force', '--downtime-max', '1s'];
  assert.equal((await carnet(['vm', 'migrate', 'web', 'beta', ...said], { connect })).status, 0);
  assert.deepEqual(
    alpha.asked.find(({ verb }) => verb === 'migrate'),
    {
      verb: 'migrate',
      vm: 'web',
      destination: 'beta',
      options: {
        bandwidthBytesPerSecond: 0,
        downtimeMsMax: 1000,
        autoConverge: true,
        timeoutMs: 600_000,
        onTimeout: 'force',
      },
    },
  );
});

test('post-copy is asked for by name, and nothing is asked of a host that says it by half', async () => {
  const { alpha, connect } = await alphaWith(() => ({ is: 'accepted', operation }));
  await carnet(['vm', 'migrate', 'web', 'beta', '--no-wait', '--allow-postcopy'], { connect });
  const [asked] = alpha.asked;
  assert.ok(asked?.verb === 'migrate');
  assert.equal(asked.options.allowPostcopy, true);
  const half = await carnet(['vm', 'migrate', 'web', 'beta', '--on-timeout', 'postcopy'], { connect });
  assert.equal(half.status, 2);
  assert.match(half.stderr, /--allow-postcopy/);
  assert.equal(alpha.asked.length, 1);
});

test('how urgent a migration is, and how long it may wait, is part of what is signed', async () => {
  const { alpha, connect } = await alphaWith(() => ({ is: 'accepted', operation }));
  await carnet(['vm', 'migrate', 'web', 'beta', '--no-wait', '--priority', '0', '--queue-timeout', '2h'], { connect });
  const [asked] = alpha.asked;
  assert.ok(asked?.verb === 'migrate');
  assert.deepEqual([asked.priority, asked.queueMsMax], [0, 7_200_000]);
});

test('Ctrl-C leaves the operation running, prints its id and ends with 130', async () => {
  let interrupt = () => {};
  const { connect } = await alphaWith((request) => {
    if (request.verb === 'start') return { is: 'accepted', operation };
    interrupt();
    return { is: 'operation', operation: viewOf({}) };
  });
  const said = await carnet(['vm', 'start', 'web'], { connect, onListening: (callback) => (interrupt = callback) });
  assert.equal(said.status, 130);
  assert.match(said.stderr, new RegExp(`detached; ${operation} goes on`));
});

test('--timeout ends with 6 and names the operation', async () => {
  const { connect } = await alphaWith((request) =>
    request.verb === 'start' ? { is: 'accepted', operation } : { is: 'operation', operation: viewOf({}) },
  );
  const said = await carnet(['vm', 'start', 'web', '--timeout', '1ms', '--json'], { connect });
  assert.equal(said.status, 6);
  assert.equal((JSON.parse(said.stderr) as { op: string }).op, operation);
});

test('explain prints every decision on stdout, and ends with 8 when one is a no', async () => {
  const decisions = [decisionOf('allowed'), decisionOf('refused', { host: 'beta' })];
  const { alpha, connect } = await alphaWith(() => ({ is: 'explained', decisions }));
  for (const argv of [
    ['explain', 'migrate', 'web', 'beta'],
    ['vm', 'migrate', 'web', 'beta', '--dry-run'],
  ]) {
    const said = await carnet(argv, { connect });
    assert.equal(said.status, 8);
    assert.match(said.stdout, /^allowed: start on alpha[\s\S]*\nrefused: start on beta/);
    assert.equal(said.stderr, '');
  }
  assert.ok(alpha.asked.every((request) => request.verb === 'explain'));
});

test('vm list asks every host and says which did not answer', async () => {
  const fleet = await createFakeFleet();
  await fleet.host('alpha', () => ({ is: 'vms', vms: [summaryOf('web', 'alpha')] }));
  await fleet.host('beta', () => ({ is: 'vms', vms: [summaryOf('database', 'beta')] }));
  await fleet.host('gamma');
  const said = await carnet(['vm', 'list', '-o', 'name'], { connect: fleet.connect });
  assert.equal(said.status, 3);
  assert.equal(said.stdout, 'database\nweb\n');
  assert.match(said.stderr, /no answer from gamma/);
});

test('a VM without an owner record is found on the host that lists it', async () => {
  const fleet = await createFakeFleet();
  await fleet.host('alpha', () => ({ is: 'vms', vms: [] }));
  const beta = await fleet.host('beta', (request) =>
    request.verb === 'list' ? { is: 'vms', vms: [summaryOf('web', 'beta')] } : { is: 'done' },
  );
  assert.equal((await carnet(['vm', 'delete', 'web'], { connect: fleet.connect })).status, 0);
  assert.deepEqual(beta.asked.at(-1), { verb: 'delete', vm: 'web' });
  const unknown = await carnet(['vm', 'delete', 'nothing'], { connect: fleet.connect });
  assert.equal(unknown.status, 4);
});

test('an owner record that another host signed sends nobody anywhere', async () => {
  const fleet = await createFakeFleet();
  const alpha = await fleet.host('alpha', () => ({ is: 'done' }));
  await fleet.host('beta', () => ({ is: 'done' }));
  await alpha.owns('web', 'beta');
  const said = await carnet(['vm', 'suspend', 'web'], { connect: fleet.connect });
  assert.equal(said.status, 7);
  assert.match(said.stderr, /was written by host beta for alpha \[MESSAGE_FORGED\]/);
  assert.deepEqual(alpha.asked, []);
});

test('checkpoints that several hosts list are listed once, and restored where they were taken', async () => {
  const checkpoint = checkpointIdOf(5);
  const listed = {
    checkpoint,
    vm: vmId('web'),
    host: hostId('beta'),
    takenAtMs: 0,
    takenFor: clientId('operator'),
    label: labelOf('u:r:vm_t:s0'),
    bytes: 1024,
  };
  const fleet = await createFakeFleet();
  const answer = (request: Request): Answer =>
    request.verb === 'checkpoint-list' ? { is: 'checkpoints', checkpoints: [listed] } : { is: 'accepted', operation };
  const alpha = await fleet.host('alpha', answer);
  const beta = await fleet.host('beta', answer);
  const list = await carnet(['checkpoint', 'list', '-o', 'name'], { connect: fleet.connect });
  assert.equal(list.stdout, `${checkpoint}\n`);
  await carnet(['vm', 'restore', checkpoint, '--no-wait'], { connect: fleet.connect });
  assert.deepEqual(beta.asked.at(-1), { verb: 'restore', checkpoint });
  await carnet(['vm', 'restore', checkpoint, '--host', 'alpha', '--no-wait'], { connect: fleet.connect });
  assert.deepEqual(alpha.asked.at(-1), { verb: 'restore', checkpoint });
});

test('a spec is read from YAML, gets a UUID where it has none, and needs a host where there are several', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carnet-spec-'));
  try {
    const file = join(folder, 'web.yaml');
    await writeFile(file, 'name: web\nmemoryMiB: 256\nimages:\n  - { name: web.qcow2, role: disk, format: qcow2 }\n');
    const fleet = await createFakeFleet();
    const alpha = await fleet.host('alpha', () => ({ is: 'done' }));
    assert.equal((await carnet(['vm', 'define', file], { connect: fleet.connect })).status, 0);
    const [asked] = alpha.asked;
    assert.ok(asked?.verb === 'define');
    assert.match(asked.spec.uuid, /^[0-9a-f-]{36}$/);
    await fleet.host('beta', () => ({ is: 'done' }));
    const several = await carnet(['vm', 'define', file], { connect: fleet.connect });
    assert.equal(several.status, 2);
    assert.match(several.stderr, /--host with one of: alpha, beta/);
    await writeFile(file, 'name: web\nmemoryMiB: 256\nimages: []\n');
    const noDisk = await carnet(['vm', 'define', file, '--host', 'alpha'], { connect: fleet.connect });
    assert.equal(noDisk.status, 2);
    assert.match(noDisk.stderr, /a VM needs a disk/);
    await writeFile(file, 'name: web\nmemory: 256\n');
    const unknown = await carnet(['vm', 'define', file, '--host', 'alpha'], { connect: fleet.connect });
    assert.match(unknown.stderr, /web\.yaml:2:\d+: .*memory/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
