import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../../../shared/bus/bus.ts';
import { connectNats } from '../../../shared/bus/nats.ts';
import type { Endpoint } from '../../../shared/messages/endpoint.ts';
import { type JobAnswer, type JobAsk, jobExchange, type RunView } from '../../../shared/messages/job.ts';
import { buckets } from '../../../shared/messages/record.ts';
import { sealRecord } from '../../../shared/messages/record-seal.ts';
import { saveIdentity } from '../../../shared/pki/identity.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { createTestEndpoint } from '../../support/bus.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';
import { createTestFleet, type TestFleet } from '../../support/pki.ts';
import { createFakeHost, type FakeHost } from './support/host.ts';

const main = fileURLToPath(new URL('../../../services/scheduler/main.ts', import.meta.url));
const name = 'often' as never;

describe('the scheduler process on a real bus', { timeout: 60_000 }, () => {
  let folder: string;
  let fleet: TestFleet;
  let nats: NatsServer;
  let bus: Bus;
  let operator: Endpoint;
  let alpha: FakeHost;
  const children = new Set<ChildProcess>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carnet-scheduler-'));
    fleet = await createTestFleet();
    nats = await startNats();
    bus = await connectNats({ servers: [nats.url], name: 'test' });
    operator = await createTestEndpoint(fleet, bus, 'client', 'operator');
    alpha = createFakeHost(await createTestEndpoint(fleet, bus, 'host', 'alpha'), systemClock);
    await saveIdentity(join(folder, 'identity'), await fleet.identity('service', 'scheduler'));
    await saveIdentity(join(folder, 'clients', 'operator'), await fleet.identity('client', 'operator'));
    const servers = JSON.stringify([nats.url]);
    const config = `bus: { servers: ${servers} }\nidentity: identity\nactsFor: clients\nstate: state\nlogs: logs\n`;
    await writeFile(join(folder, 'scheduler.yaml'), config);
    const operation = `op-${'0'.repeat(26)}`;
    const record = { vm: 'web', owner: 'alpha', epoch: 1, running: true, operation };
    const sealed = sealRecord(await fleet.identity('host', 'alpha'), `owner/${record.vm}`, record, Date.now());
    await (await bus.bucket(buckets.owners)).create('web', sealed);
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await bus.close();
    await nats.stop();
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [main, '--config', join(folder, 'scheduler.yaml')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(child);
    for await (const line of createInterface({ input: child.stdout! })) {
      assert.equal(line, 'ready');
      return child;
    }
    throw new Error('the scheduler did not start');
  }
  async function ended(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL') {
    const exited = once(child, 'exit');
    child.kill(signal);
    children.delete(child);
    return (await exited)[0] as number | null;
  }
  const ask = async (body: JobAsk): Promise<JobAnswer> =>
    (await operator.ask(jobExchange, { role: 'service', name: 'scheduler' }, body)).answer;
  /** Looks at the history of the job whenever it changes. */
  async function runsUntil(wanted: (runs: readonly RunView[]) => boolean): Promise<readonly RunView[]> {
    const found = Promise.withResolvers<readonly RunView[]>();
    const look = async () => {
      const answer = await ask({ verb: 'history', job: name, runs: 50 });
      if (answer.is === 'runs' && wanted(answer.runs)) found.resolve(answer.runs);
    };
    const stop = await (await bus.bucket(buckets.runs)).watch(() => void look().catch(found.reject));
    try {
      return await found.promise;
    } finally {
      stop();
    }
  }

  test('runs jobs, ends when it is asked to, and goes on with them when it is started again', async () => {
    const first = await start();
    const add = {
      verb: 'add',
      job: name,
      vm: 'web' as never,
      schedule: 'every 1 s',
      timeZone: 'UTC',
      keepLast: 1,
    } as const;
    assert.equal((await ask(add)).is, 'job');
    const [run] = await runsUntil((runs) => runs.length >= 1);
    assert.equal(run?.outcome.is, 'completed', JSON.stringify(run?.outcome));
    assert.equal(alpha.saves()[0]?.client, 'client operator');
    assert.equal(await ended(first, 'SIGTERM'), 0);
    const before = alpha.saves().length;
    const second = await start();
    const runs = await runsUntil((all) => all.length >= before + 2);
    assert.equal(new Set(runs.map(({ dueAtMs }) => dueAtMs)).size, runs.length);
    assert.equal((await ask({ verb: 'pause', job: name })).is, 'job');
    assert.equal(await ended(second, 'SIGTERM'), 0);
    const log = await readFile(join(folder, 'logs', 'scheduler.log'), 'utf8');
    assert.match(log, /"msg":"a run ended"/);
    assert.doesNotMatch(log, /"level":"error"/);
  });

  test('says what is wrong with its configuration, and ends with the status of that', async () => {
    const file = join(folder, 'wrong.yaml');
    await writeFile(file, 'identity: identity\n');
    const child = spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [status] = await once(child, 'close');
    assert.equal(status, 2);
    assert.match(text, /carnet-scheduler: .*wrong\.yaml:1:1: bus: /);
  });
});
