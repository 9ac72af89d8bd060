import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A real nats-server with JetStream, on a free port of the loopback interface, its files in a directory of its own. */
export interface NatsServer {
  readonly url: string;
  /** Ends the process and starts another on the same port with the same files. */
  restart(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/** Starts one and answers when it takes connections. `extra` goes into its configuration file as it is. */
export async function startNats(extra = ''): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'carnet-nats-'));
  try {
    let { server, port } = await launch(directory, -1, extra);
    return {
      url: `nats://127.0.0.1:${port}`,
      async restart() {
        await end(server);
        ({ server, port } = await launch(directory, port, extra));
      },
      async stop() {
        await end(server);
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function launch(directory: string, wantedPort: number, extra: string) {
  const config = join(directory, 'nats.conf');
  const jetstream = `jetstream { store_dir: "${directory}", max_mem: 64M, max_file: 256M }`;
  await writeFile(config, `listen: "127.0.0.1:${wantedPort}"\n${jetstream}\n${extra}\n`);
  const server = spawn('nats-server', ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    return { server, port: await portOf(server) };
  } catch (error) {
    await end(server);
    throw error;
  }
}

/** The server says which port it got, and then that it is ready. */
async function portOf(server: ChildProcess): Promise<number> {
  if (server.stderr === null) throw new Error('nats-server has no log');
  await once(server, 'spawn');
  const lines: string[] = [];
  let port: string | undefined;
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    port ??= /Listening for client connections on [^ ]*:(\d+)/.exec(line)?.[1];
    if (port !== undefined && line.includes('Server is ready')) {
      server.stderr.resume();
      return Number(port);
    }
  }
  throw new Error(`nats-server did not start:\n${lines.join('\n')}`);
}

async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  await exited;
}
