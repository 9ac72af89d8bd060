import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../services/cli/fleet/bus.ts';
import { connectNats } from '../../shared/bus/nats.ts';
import { buckets } from '../../shared/messages/record.ts';

/* Three nats-servers that are one bus. */

export const memberNames = ['bus-1', 'bus-2', 'bus-3'] as const;
export type MemberName = (typeof memberNames)[number];

/** Where the members of a cluster listen: for clients, and for one another. */
export interface Member {
  readonly name: MemberName;
  readonly port: number;
  readonly route: number;
}

/** A cluster on ports of the loopback that nobody listens on. */
export async function planCluster(): Promise<Member[]> {
  const members: Member[] = [];
  for (const name of memberNames) members.push({ name, port: await freePort(), route: await freePort() });
  return members;
}

export const urlOf = ({ port }: Member): string => `nats://127.0.0.1:${port}`;

/** The configuration of one member, with its streams in `data`. */
export const configOf = ({ name, port, route }: Member, members: readonly Member[], data: string): string =>
  `listen: "127.0.0.1:${port}"
server_name: "${name}"
jetstream { store_dir: ${JSON.stringify(data)}, max_memory_store: 64MB, max_file_store: 256MB }
cluster {
  name: "carnet"
  listen: "127.0.0.1:${route}"
  routes: [ ${members.map((member) => `"nats://127.0.0.1:${member.route}"`).join(', ')} ]
}
`;

/** Asks JetStream itself, as its own tools do. */
async function askJetStream(members: readonly Member[], what: string): Promise<Record<string, unknown>> {
  const bus = await connectNats({ servers: members.map(urlOf), name: 'tests' });
  try {
    const answer = await bus.request(`$JS.API.${what}`, new Uint8Array(), 2_000);
    return JSON.parse(Buffer.from(answer).toString()) as Record<string, unknown>;
  } finally {
    await bus.close();
  }
}

/** Asks until there is an answer that will do: servers that have just started, or lost one of them, need a while. */
async function untilAnswers<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await delay(50);
  }
  throw new Error(what);
}

/** Waits until the servers have chosen who leads them. */
export const untilClustered = (members: readonly Member[]): Promise<true> =>
  untilAnswers('the servers of the bus do not become a cluster', async () =>
    (await askJetStream(members, 'INFO'))['error'] === undefined ? true : undefined,
  );

/** The server that leads the stream of the owner records. */
export const leaderOf = (members: readonly Member[]): Promise<MemberName> =>
  untilAnswers('nobody leads the owner records', async () => {
    const { cluster } = await askJetStream(members, `STREAM.INFO.KV_${buckets.owners}`);
    return memberNames.find((name) => name === (cluster as { leader?: string } | undefined)?.leader);
  });

/** A cluster of a test's own. */
export interface NatsCluster {
  readonly urls: readonly string[];
  leader(): Promise<MemberName>;
  kill(name: MemberName): Promise<void>;
  start(name: MemberName): Promise<void>;
  /** Ends every server and removes their files. */
  stop(): Promise<void>;
}

/** Starts three servers, and answers when they take requests. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'carnet-cluster-'));
  const members = await planCluster();
  const running = new Map<MemberName, ChildProcess>();
  const cluster: NatsCluster = {
    urls: members.map(urlOf),
    leader: () => leaderOf(members),
    async start(name) {
      const server = spawn('nats-server', ['-c', join(directory, `${name}.conf`)], { stdio: 'ignore' });
      await once(server, 'spawn');
      running.set(name, server);
    },
    async kill(name) {
      const server = running.get(name);
      if (server === undefined || !running.delete(name)) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
    async stop() {
      for (const name of memberNames) await cluster.kill(name);
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    for (const member of members) {
      const { name } = member;
      await writeFile(join(directory, `${name}.conf`), configOf(member, members, join(directory, name)));
      await cluster.start(name);
    }
    await untilClustered(members);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
