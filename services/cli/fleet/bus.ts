import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { FleetLayout } from './layout.ts';
import type { Program } from './processes.ts';

/** A TCP port on the loopback that nobody listens on at this moment. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

export const busServer = (port: number): string => `nats://127.0.0.1:${port}`;

/** Writes the configuration of the fleet's own nats-server: on the loopback, its streams in the fleet's folder. */
export function writeBusConfig(layout: FleetLayout, port: number): void {
  mkdirSync(layout.bus.data, { recursive: true, mode: 0o700 });
  writeFileSync(
    layout.bus.config,
    `# Written by \`carnet fleet up\`.
listen: "127.0.0.1:${port}"
server_name: "carnet"
jetstream {
  store_dir: ${JSON.stringify(layout.bus.data)}
  max_memory_store: 64MB
  max_file_store: 1GB
}
`,
    { mode: 0o600 },
  );
}

export const busProgram = (layout: FleetLayout): Program => ({
  name: 'bus',
  kind: 'bus',
  command: 'nats-server',
  args: ['--config', layout.bus.config],
  ready: /Server is ready/,
  timeoutMs: 15_000,
});
