import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openRelay, type Relay } from '../../../../../services/broker/vmm/qemu/relay.ts';
import { BrokerError } from '../../../../../shared/errors/broker-error.ts';

/** More than all the buffers between hold. */
const piece = randomBytes(1024 * 1024);
const pieces = 16;

let dir: string;
let count = 0;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'carnet-relay-'));
});
after(() => rm(dir, { recursive: true }));

/** A relay to a receiver that does as `take` says. */
async function relayTo(take: (socket: net.Socket) => void): Promise<{ relay: Relay; receiver: net.Server }> {
  const receiverPath = join(dir, `receiver-${++count}`);
  const receiver = net.createServer(take).listen(receiverPath);
  await once(receiver, 'listening');
  const relay = await openRelay(join(dir, `relay-${count}`), receiverPath);
  receiver.close();
  return { relay, receiver };
}

/** Writes everything as QEMU does, which waits where it cannot, and closes. `midway` happens with the first piece on its way. */
async function writeAll({ path }: Relay, midway = () => {}): Promise<void> {
  const socket = net.connect(path).resume();
  await once(socket, 'connect');
  for (let index = 0; index < pieces; index++) {
    const goesOn = socket.write(piece);
    if (index === 0) midway();
    if (!goesOn) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
}

test('the receiver is given everything, as it was written', async () => {
  const hash = createHash('sha256');
  const taken = Promise.withResolvers<string>();
  const { relay } = await relayTo((socket) => {
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('end', () => taken.resolve(hash.digest('hex')));
  });
  await writeAll(relay);
  assert.equal(await relay.delivered, true);
  const expected = createHash('sha256');
  for (let index = 0; index < pieces; index++) expected.update(piece);
  assert.equal(await taken.promise, expected.digest('hex'));
});

test('a receiver that goes away does not keep the writer from its end', async () => {
  const { relay } = await relayTo((socket) => socket.once('data', () => socket.destroy()));
  await writeAll(relay);
  assert.equal(await relay.delivered, false);
});

test('a receiver that takes nothing holds the writer up until the stream is dropped, as it is where the broker ends', async () => {
  const sockets: net.Socket[] = [];
  const { relay } = await relayTo((socket) => void sockets.push(socket.pause()));
  await writeAll(relay, relay.drop);
  assert.equal(await relay.delivered, false);
  for (const socket of sockets) socket.destroy();
});

test('a relay that nobody writes to is ended', async () => {
  const { relay } = await relayTo(() => {});
  relay.drop();
  relay.end();
  assert.equal(await relay.delivered, false);
});

test('without a receiver there is no relay', async () => {
  await assert.rejects(
    openRelay(join(dir, 'relay'), join(dir, 'nobody')),
    (error) => error instanceof BrokerError && error.code === 'TRANSFER_FAILED',
  );
});
