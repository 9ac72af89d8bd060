import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { receive } from '../../../../services/broker/vmstate/receive.ts';
import { PAGE_BYTES, shut } from '../../../../services/broker/vmstate/wire.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';
import * as s from '../../../support/vmstate-stream.ts';

const withoutReturnPath = s.stream({ commands: Buffer.alloc(0) });

async function listening(t: TestContext, memoryMode = 'wx+') {
  const directory = temporaryDirectory(t);
  const path = join(directory, 's');
  const memoryPath = join(directory, 'memory');
  const made = openSync(memoryPath, 'wx+');
  ftruncateSync(made, s.expected.memoryBytes);
  const memoryFd = memoryMode === 'wx+' ? made : openSync(memoryPath, memoryMode);
  const devicesFd = openSync(join(directory, 'devices'), 'wx+');
  const receiving = await receive({ socketPath: path, memoryFd, devicesFd, expected: s.expected });
  t.after(async () => {
    await receiving.cancel();
    for (const fd of new Set([made, memoryFd, devicesFd])) closeSync(fd);
  });
  return { directory, path, receiving, read: (name: string) => readFileSync(join(directory, name)) };
}

async function connect(path: string): Promise<net.Socket> {
  const socket = net.connect(path);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

test('a stream that came over the socket is in the files, its zero pages as holes', async (t) => {
  const { path, receiving, read, directory } = await listening(t);
  (await connect(path)).end(withoutReturnPath);
  const { streamBytes, memoryBytes, devicesBytes } = await receiving.received;
  assert.equal(streamBytes, withoutReturnPath.length);
  assert.equal(memoryBytes, 3 * PAGE_BYTES);
  assert.equal(devicesBytes, read('devices').length);
  const guest = [Buffer.alloc(PAGE_BYTES, 0x11), Buffer.alloc(PAGE_BYTES), Buffer.alloc(PAGE_BYTES, 0x33)];
  assert.deepEqual(read('memory'), Buffer.concat(guest));
  assert.equal(statSync(join(directory, 'memory')).blocks * 512, 2 * PAGE_BYTES);
  assert.ok(read('devices').subarray(-s.tail().length).equals(s.tail()));
});

test('only the broker can connect, and once', async (t) => {
  const { path, receiving, directory } = await listening(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const first = await connect(path);
  first.write(withoutReturnPath.subarray(0, 100));
  const second = net.connect(path);
  const [refused] = await Promise.race([once(second, 'error'), once(second, 'close')]);
  second.destroy();
  first.end(withoutReturnPath.subarray(100));
  await receiving.received;
  assert.ok(refused === false || ['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(refused.code), String(refused));
  assert.ok(!readdirSync(directory).includes('s'), 'the socket is gone');
});

for (const kept of [true, false]) {
  test(`a sender that waits is told that its state was ${kept ? '' : 'not '}kept`, async (t) => {
    const { path, receiving } = await listening(t);
    const socket = await connect(path);
    socket.write(s.stream());
    await receiving.received;
    const answered = once(socket, 'data');
    await receiving.acknowledge(kept);
    assert.deepEqual((await answered)[0], shut(kept ? 0 : 1));
  });
}

test('a bad stream is refused and its sender cut off', async (t) => {
  const { path, receiving } = await listening(t);
  const socket = await connect(path);
  socket.write(s.stream({ commands: s.command(7) }));
  await assert.rejects(receiving.received, { code: 'STREAM_INVALID', message: /command 1 or 2/ });
  if (!socket.closed) await once(socket, 'close');
  await receiving.acknowledge(false);
});

test('a sender that goes away early is noticed', async (t) => {
  const { path, receiving } = await listening(t);
  (await connect(path)).end(withoutReturnPath.subarray(0, 5000));
  await assert.rejects(receiving.received, { code: 'STREAM_INVALID', message: /byte 5000 .*the end of the stream/ });
});

test('memory that cannot be written is a fault of the store', async (t) => {
  const { path, receiving } = await listening(t, 'r');
  (await connect(path)).end(withoutReturnPath);
  await assert.rejects(receiving.received, { code: 'STORE_FAILED', message: /EBADF/ });
});

test('receiving can be cancelled while it waits', async (t) => {
  const { receiving } = await listening(t);
  await receiving.cancel();
  await assert.rejects(receiving.received, { code: 'OPERATION_CANCELLED' });
  await receiving.cancel();
});

test('a path that cannot be listened on is a fault at once', async (t) => {
  const { directory } = await listening(t);
  const job = { socketPath: join(directory, 'no', 's'), memoryFd: 0, devicesFd: 0, expected: s.expected };
  await assert.rejects(receive(job), { code: 'STORE_FAILED' });
});
