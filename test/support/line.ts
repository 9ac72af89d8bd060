import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** A line between two ends that can go dead without either of them being told. */
export interface Line {
  /** Where to connect instead. */
  readonly port: number;
  /** From now on nothing comes through, in either direction. */
  hold(): void;
  /** The line breaks, and both ends notice. */
  cut(): void;
}

/** Makes a line to a port of this machine. */
export async function createLine(port: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = createConnection({ host: '127.0.0.1', port });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    hold() {
      for (const socket of sockets) socket.pause();
    },
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
