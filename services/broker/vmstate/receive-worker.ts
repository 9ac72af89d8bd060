import { chmodSync, fdatasyncSync } from 'node:fs';
import net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import { assemble } from './assemble.ts';
import { pageAligned } from './page-aligned.ts';
import { newStreamReader } from './reader.ts';
import type { Order, Received, ReceiveJob, Report } from './receive-messages.ts';
import { keepSmallBlocks } from './small-blocks.ts';
import { PAGE_BYTES, shut } from './wire.ts';
import { writeAll } from './write.ts';

const CHUNK_BYTES = 256 * 1024;
const zeroPage = Buffer.alloc(PAGE_BYTES);

const port = parentPort!;
const job = workerData as ReceiveJob;
const report = (message: Report) => port.postMessage(message);

const small = keepSmallBlocks({
  pages: (_block, offset, slices) => writeAll(job.memoryFd, slices, offset),
  zero: (_block, offset) => writeAll(job.memoryFd, [zeroPage], offset),
});
const reader = newStreamReader(job.expected, small.sink);

/** Everything has come: checks it, writes the devices' stream and syncs both files. */
function keep(): Received {
  const state = reader.finish();
  const parts = assemble(state, small.kept);
  writeAll(job.devicesFd, parts, 0);
  fdatasyncSync(job.memoryFd);
  fdatasyncSync(job.devicesFd);
  return {
    streamBytes: state.bytes,
    memoryBytes: job.expected.memoryBytes,
    devicesBytes: parts.reduce((sum, part) => sum + part.length, 0),
  };
}

/** Reads one connection to its end, into one page-aligned buffer that is used up before the next read. */
function read(accepted: net.Socket): void {
  let over = false;
  const end = (outcome: () => Received) => {
    if (over) return;
    over = true;
    try {
      report({ is: 'received', received: outcome() });
    } catch (error) {
      fail(error);
    }
  };
  const fail = (error: unknown) => {
    over = true;
    report({ is: 'failed', fault: faultOf(error) });
    socket.destroy();
    port.close();
  };
  // A socket can be given its buffer only when it is made, which net.Server does not offer: its handle is taken over.
  const socket = new net.Socket({
    handle: (accepted as unknown as { _handle: unknown })._handle,
    onread: {
      buffer: pageAligned(CHUNK_BYTES),
      callback(length: number, chunk: Uint8Array) {
        if (over) return true;
        try {
          reader.push(chunk.subarray(0, length));
          if (reader.answerDue()) end(keep);
        } catch (error) {
          fail(error);
        }
        return true;
      },
    },
  } as net.SocketConstructorOpts);
  socket.on('end', () => end(keep));
  socket.on('error', (error) => over || fail(new BrokerError('TRANSFER_FAILED', error.message, { cause: error })));
  port.once('message', ({ kept }: Order) => {
    socket.end(shut(kept ? 0 : 1));
    socket.destroySoon();
    port.close();
  });
  socket.resume();
}

const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
  server.close();
  read(accepted);
});
server.maxConnections = 1;
server.once('error', (error) => {
  report({ is: 'failed', fault: faultOf(new BrokerError('STORE_FAILED', error.message)) });
  port.close();
});
server.listen(job.socketPath, () => {
  chmodSync(job.socketPath, 0o600);
  report({ is: 'listening' });
});
