import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../services/cli/fleet/bus.ts';
import { type FleetLayout, fleetClients, fleetHosts } from '../../../services/cli/fleet/layout.ts';
import type { Program } from '../../../services/cli/fleet/processes.ts';
import { connectNats } from '../../../shared/bus/nats.ts';
import { buckets } from '../../../shared/messages/record.ts';

/* A bus of three servers, each with a copy of every owner record. */

const names = ['bus-1', 'bus-2', 'bus-3'] as const;
const configOf = (layout: FleetLayout, name: string) => join(layout.bus.folder, `${name}.conf`);

/** Writes the configuration of three servers, points everybody of the fleet to them, and answers with its programs. */
export async function inCluster(layout: FleetLayout, usual: readonly Program[]): Promise<Program[]> {
  const [bus] = usual.filter(({ kind }) => kind === 'bus');
  if (bus === undefined) throw new Error('the fleet has no bus');
  const members = [];
  for (const name of names) members.push({ name, port: await freePort(), route: await freePort() });
  const routes = members.map(({ route }) => `"nats://127.0.0.1:${route}"`).join(', ');
  for (const { name, port, route } of members) {
    const data = join(layout.bus.folder, name);
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(
      configOf(layout, name),
      `listen: "127.0.0.1:${port}"
server_name: "${name}"
jetstream { store_dir: ${JSON.stringify(data)}, max_memory_store: 64MB, max_file_store: 256MB }
cluster { name: "carnet", listen: "127.0.0.1:${route}", routes: [ ${routes} ] }
`,
      { mode: 0o600 },
    );
  }
  const servers = members.map(({ port }) => `nats://127.0.0.1:${port}`);
  for (const { name } of fleetHosts) useServers(layout.host(name).config, servers, ', replicas: 3');
  for (const { name } of fleetClients) useServers(layout.client(name).config, servers, '');
  return [
    ...names.map((name): Program => ({ ...bus, name, args: ['--config', configOf(layout, name)] })),
    ...usual.filter(({ kind }) => kind === 'broker'),
  ];
}

function useServers(config: string, servers: readonly string[], more: string): void {
  const text = readFileSync(config, 'utf8');
  const known = /^bus:\n(?: +.*\n)+/m;
  if (!known.test(text)) throw new Error(`${config} names no bus`);
  writeFileSync(config, text.replace(known, `bus: { servers: ${JSON.stringify(servers)}${more} }\n`));
}

const serversOf = (layout: FleetLayout): string[] =>
  names.map((name) => `nats://${/listen: "(127[^"]+)"/.exec(readFileSync(configOf(layout, name), 'utf8'))?.[1]}`);

/** Asks the bus itself, as JetStream's own tools do. */
async function askJetStream(layout: FleetLayout, what: string): Promise<Record<string, unknown>> {
  const bus = await connectNats({ servers: serversOf(layout), name: 'faults' });
  try {
    const answer = await bus.request(`$JS.API.${what}`, new Uint8Array(), 2_000);
    return JSON.parse(Buffer.from(answer).toString()) as Record<string, unknown>;
  } finally {
    await bus.close();
  }
}

/** Waits until the servers have chosen who leads them. */
export async function untilClustered(layout: FleetLayout): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await askJetStream(layout, 'INFO').catch(() => undefined);
    if (answer !== undefined && answer['error'] === undefined) return;
    await delay(100);
  }
  throw new Error('the servers of the bus do not become a cluster');
}

/** The server that leads the stream of the owner records. */
export async function leaderOf(layout: FleetLayout): Promise<string> {
  const { cluster } = await askJetStream(layout, `STREAM.INFO.KV_${buckets.owners}`);
  const { leader } = cluster as { leader?: string };
  if (leader === undefined) throw new Error('nobody leads the owner records');
  return leader;
}
