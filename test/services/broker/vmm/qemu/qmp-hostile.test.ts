import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { QemuEvent } from '../../../../../services/broker/vmm/qemu/events.ts';
import { connectQmp, type Qmp } from '../../../../../services/broker/vmm/qemu/qmp.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';
import { limits } from '../../../../../shared/limits.ts';
import type { Clock } from '../../../../../shared/time/clock.ts';

/** A monitor that answers as the test says: `answer` gets the id of a command and gives the line to send, if any. */
interface Fake {
  readonly path: string;
  greeting: string;
  answer: (id: string, command: string) => string | undefined;
  socket: Socket | undefined;
  readonly server: Server;
}

const greeting = '{"QMP":{"version":{"qemu":{"micro":0,"minor":2,"major":7},"package":""},"capabilities":[]}}';
const stopped = (seconds: number) => `{"event":"STOP","timestamp":{"seconds":${seconds},"microseconds":5000}}`;
const returned = (id: string) => `{"return":{},"id":"${id}"}`;

let dir: string;
let fake: Fake;
let events: QemuEvent[];
let lost: BrokerError | undefined;
let expire: (() => void)[];

/** Time goes on when the test says. */
const clock: Clock = {
  nowMs: () => 0,
  after(_delayMs, callback) {
    expire.push(callback);
    return () => {
      expire = expire.filter((each) => each !== callback);
    };
  },
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'carnet-qmp-'));
  events = [];
  lost = undefined;
  expire = [];
  const server = createServer((socket) => {
    fake.socket = socket;
    socket.on('error', () => {});
    socket.write(`${fake.greeting}\n`);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
        const { id, execute } = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        const line = execute === 'qmp_capabilities' ? returned(id) : fake.answer(id, execute);
        if (line !== undefined) socket.write(`${line}\n`);
      }
    });
  });
  fake = { path: join(dir, 'qmp'), greeting, answer: returned, socket: undefined, server };
  await new Promise<void>((resolve) => server.listen(fake.path, resolve));
});

afterEach(async () => {
  fake.socket?.destroy();
  await new Promise((resolve) => fake.server.close(resolve));
  await rm(dir, { recursive: true });
});

const connect = (): Promise<Qmp> =>
  connectQmp(fake.path, { clock, onEvent: (event) => events.push(event), onLost: (why) => (lost = why) });
const fault = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;

test('a line over the bound ends the connection and every command that waits', async () => {
  const qmp = await connect();
  fake.answer = (id) => JSON.stringify({ id, return: 'x'.repeat(limits.qmpLineBytes) });
  await assert.rejects(qmp.execute('query-status'), fault('QEMU_PROTOCOL'));
  assert.equal(lost?.code, 'QEMU_PROTOCOL');
  await assert.rejects(qmp.execute('query-status'), fault('QEMU_PROTOCOL'));
});

for (const [what, line] of Object.entries({
  'deeply nested JSON': `{"return":${'['.repeat(1000)}${']'.repeat(1000)}}`,
  'what is not JSON': 'HTTP/1.1 400 Bad Request',
  'an answer without an id': '{"return":{}}',
  'an answer to a command that was not asked': '{"return":{},"id":"1"}',
  'a second greeting': greeting,
  'an event without a time': '{"event":"STOP"}',
  'a migration status that does not exist':
    '{"event":"MIGRATION","data":{"status":"done"},"timestamp":{"seconds":1,"microseconds":0}}',
})) {
  test(`${what} ends the connection`, async () => {
    const qmp = await connect();
    fake.answer = () => line;
    await assert.rejects(qmp.execute('query-status'), fault('QEMU_PROTOCOL'));
    assert.equal(lost?.code, 'QEMU_PROTOCOL');
    assert.deepEqual(events, []);
  });
}

test('a monitor that does not greet first is none', async () => {
  fake.greeting = returned('x');
  await assert.rejects(connect(), fault('QEMU_PROTOCOL'));
});

test('silence is a timeout, and the late answer is not taken for another', async () => {
  const qmp = await connect();
  let late = '';
  const asked = Promise.withResolvers<void>();
  fake.answer = (id) => {
    late = id;
    asked.resolve();
    return undefined;
  };
  const silent = qmp.execute('query-status');
  await asked.promise;
  for (const each of expire) each();
  await assert.rejects(silent, fault('QEMU_TIMEOUT'));

  fake.answer = (id) => `${returned(late)}\n{"return":"second","id":"${id}"}`;
  assert.equal(await qmp.execute('query-status'), 'second');
  assert.equal(lost, undefined);
});

test('a monitor that never greets is given up', async () => {
  fake.greeting = '';
  const connecting = connect();
  connecting.catch(() => {});
  while (expire.length === 0) await new Promise(setImmediate);
  for (const each of expire) each();
  await assert.rejects(connecting, fault('QEMU_TIMEOUT'));
});

test('a flood of events is read in order, the unknown ones left out, and a command is answered behind it', async () => {
  const qmp = await connect();
  const unknown = '{"event":"RTC_CHANGE","data":{"offset":1},"timestamp":{"seconds":1,"microseconds":2}}';
  fake.answer = (id) => {
    const flood = Array.from({ length: 5_000 }, (_, i) => `${stopped(i)}\n${unknown}`);
    return `${flood.join('\n')}\n${returned(id)}`;
  };
  await qmp.execute('query-status');
  assert.equal(events.length, 5_000);
  assert.deepEqual(events[1], { kind: 'stopped', atMs: 1005 });
});

test("QEMU's words in a refusal are bounded and cannot steer a terminal", async () => {
  const qmp = await connect();
  fake.answer = (id) => JSON.stringify({ error: { class: 'GenericError', desc: `\u001b[2J${'a'.repeat(5000)}` }, id });
  await assert.rejects(qmp.execute('migrate'), (error) => {
    assert.ok(error instanceof BrokerError && error.code === 'QEMU_REFUSED');
    assert.match(error.message, /^QEMU refused migrate: {2}\[2Ja+…$/);
    assert.ok(error.message.length < 600);
    return true;
  });
});

test('no two commands have the same id, and none can be guessed from another', async () => {
  const qmp = await connect();
  const ids = new Set<string>();
  fake.answer = (id) => {
    ids.add(id);
    return returned(id);
  };
  for (let i = 0; i < 10; i++) await qmp.execute('query-status');
  assert.equal(ids.size, 10);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
