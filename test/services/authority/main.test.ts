import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectNats } from '../../../shared/bus/nats.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { enrol } from '../../../shared/messages/enrol.ts';
import { parseToken } from '../../../shared/messages/enrol-form.ts';
import { loadIdentity, saveIdentity } from '../../../shared/pki/identity.ts';
import { createTrust } from '../../../shared/pki/trust.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';

const main = fileURLToPath(new URL('../../../services/authority/main.ts', import.meta.url));

/** Runs the program to its end. */
const run = (...args: string[]) =>
  new Promise<{ exit: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ exit: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });

describe('the authority as a program', () => {
  let directory: string;
  let authority: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'carnet-authority-'));
    authority = join(directory, 'authority');
    const made = await run('init', '--directory', authority, '--fleet', 'test');
    assert.equal(made.exit, 0, made.stderr);
    assert.match(made.stdout, /^made the authority of fleet test, SHA-256 [0-9a-f]{64}\n$/);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('keeps its key where only its owner reads it, and does not replace it', async () => {
    assert.equal((await stat(authority)).mode & 0o777, 0o700);
    assert.equal((await stat(join(authority, 'authority-key.pem'))).mode & 0o777, 0o600);
    const again = await run('init', '--directory', authority, '--fleet', 'other');
    assert.equal(again.exit, 2);
    assert.match(again.stderr, /choose an empty directory/);
  });

  it('issues on its own machine what the fleet trusts, and lists it', async () => {
    const to = join(directory, 'operator');
    const issued = await run('issue', 'client', 'operator', '--directory', authority, '--to', to);
    assert.equal(issued.exit, 0, issued.stderr);
    const identity = await loadIdentity(to);
    const trust = createTrust({ authorityCertificatePem: identity.authorityCertificatePem, clock: systemClock });
    assert.equal(trust.verify(identity.certificateDer).name, 'operator');
    const listed = await run('list', '--directory', authority);
    assert.match(listed.stdout, new RegExp(`^client\toperator\t${identity.certificateFingerprint}\t`));
    const taken = await run('token', 'host', 'operator', '--directory', authority);
    assert.deepEqual([taken.exit, taken.stdout], [2, '']);
  });

  it('ends with exit status 2 where the command line is wrong', async () => {
    const wrong = await run('token', 'king', 'alpha', '--directory', authority);
    assert.deepEqual([wrong.exit, wrong.stdout], [2, '']);
    assert.match(
      wrong.stderr,
      /^carnet-authority: token takes a role .* and a name \[USAGE_INVALID\]\n {2}see carnet-authority --help\n$/,
    );
  });

  it('makes tokens for many at once, or for none of them', async () => {
    const many = await run('token', 'host', 'delta', 'client', 'auditor', '--directory', authority);
    assert.equal(many.exit, 0, many.stderr);
    assert.equal(
      new Set(
        many.stdout
          .trim()
          .split('\n')
          .map((token) => parseToken(token).id),
      ).size,
      2,
    );
    const some = await run('token', 'client', 'guest', 'client', 'delta', '--directory', authority);
    assert.deepEqual([some.exit, some.stdout], [2, '']);
    assert.match(some.stderr, /the name is taken by host delta/);
    const { stdout: listed } = await run('list', '--directory', authority);
    assert.match(listed, /^host\tdelta\t-/m);
    assert.doesNotMatch(listed, /guest/);
  });

  it('says `ready` when it serves, where its log goes to a file', async () => {
    const nats = await startNats();
    const log = join(directory, 'authority.log');
    const service = serve(nats, '--log', log);
    try {
      for await (const line of createInterface({ input: service.stdout })) {
        assert.equal(line, 'ready');
        break;
      }
      assert.match(await readFile(log, 'utf8'), /"msg":"serving enrolment"/);
    } finally {
      const exited = once(service, 'exit');
      service.kill('SIGTERM');
      await exited;
      await nats.stop();
    }
  });

  it('enrols over the bus with a token that was made while it was serving, once', async () => {
    const nats = await startNats();
    const service = await startService(nats);
    const bus = await connectNats({ servers: [nats.url], name: 'newcomer' });
    try {
      const { stdout: token } = await run('token', 'host', 'beta', '--directory', authority, '--address', 'localhost');
      const identity = await enrol(bus, token, 'host', 'beta');
      await saveIdentity(join(directory, 'beta'), identity);
      const { role, name, fleet } = await loadIdentity(join(directory, 'beta'));
      assert.deepEqual({ role, name, fleet }, { role: 'host', name: 'beta', fleet: 'test' });
      const isUsed = (error: unknown) => error instanceof BrokerError && error.code === 'MESSAGE_STALE';
      await assert.rejects(enrol(bus, token, 'host', 'beta'), isUsed);
    } finally {
      await bus.close();
      const exited = once(service, 'exit');
      service.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
      await nats.stop();
    }
  });

  const serve = (nats: NatsServer, ...more: string[]) =>
    spawn(process.execPath, [main, 'serve', '--directory', authority, '--server', nats.url, ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });

  async function startService(nats: NatsServer): Promise<ChildProcess> {
    const service = serve(nats);
    for await (const line of createInterface({ input: service.stdout })) {
      if (JSON.parse(line).msg === 'serving enrolment') break;
    }
    service.stdout.resume();
    return service;
  }
});
