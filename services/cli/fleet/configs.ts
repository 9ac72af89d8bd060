import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildPolicy } from '../../../policy/build-modules.ts';
import { toYaml } from '../../../shared/config/write-config.ts';
import { busServer, writeBusConfig } from './bus.ts';
import { contexts, type FleetHost, type FleetLayout, fleetClients, fleetHosts, hostAddress } from './layout.ts';

/** Writes what is missing of a fleet's configuration. What is there is the person's, and stays as it is. */
export async function writeConfigs(layout: FleetLayout, busPort: number): Promise<void> {
  if (!existsSync(layout.bus.config)) writeBusConfig(layout, busPort);
  if (!existsSync(layout.fileContexts)) write(layout.fileContexts, fileContexts(layout.pool));
  await Promise.all(fleetHosts.map((host) => writeHost(layout, host, busPort)));
  const servers = [busServer(busPort)];
  for (const { name } of fleetClients) {
    const { config } = layout.client(name);
    if (!existsSync(config)) write(config, toYaml({ bus: { servers }, identity: 'identity' }));
  }
  if (!existsSync(layout.scheduler.config)) write(layout.scheduler.config, toYaml(schedulerConfig(layout, servers)));
}

async function writeHost(layout: FleetLayout, host: FleetHost, busPort: number): Promise<void> {
  const at = layout.host(host.name);
  for (const folder of [at.state, at.run, at.logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(at.policy)) write(at.policy, (await buildPolicy({ host: host.policy })).text);
  if (!existsSync(at.identities)) write(at.identities, toYaml(identityMap()));
  if (!existsSync(at.config)) {
    write(
      at.config,
      toYaml({
        host: host.name,
        address: hostAddress,
        bus: { servers: [busServer(busPort)] },
        identity: 'identity',
        identities: 'identities.yaml',
        policy: { file: 'policy.conf', enforcing: true, mustConfine: false },
        context: contexts.broker,
        pool: { directory: layout.pool, fileContexts: layout.fileContexts },
        checkpoints: { directory: layout.checkpoints, context: contexts.store },
        state: 'state',
        run: 'run',
        logs: 'logs',
      }),
    );
  }
}

/** The labels of images whose files carry none: `chcon` gives a file its own, where the file system takes it. */
const fileContexts = (pool: string) => `# Written by \`carnet fleet up\`. An image's own label comes first.
${pool}/.*\\.(qcow2|raw|img)  --  ${contexts.disk('')}
${pool}/(vmlinuz|initrd).*  --  ${contexts.kernel}
`;

/** Who a host takes every member of the fleet for. */
const identityMap = () => [
  ...fleetClients.map(({ name, context }) => ({ role: 'client', name, context })),
  ...fleetHosts.map(({ name }) => ({ role: 'host', name, context: contexts.peer(name) })),
];

const schedulerConfig = (layout: FleetLayout, servers: readonly string[]) => ({
  bus: { servers },
  identity: 'identity',
  clients: Object.fromEntries(
    fleetClients.filter(({ name }) => name !== 'intruder').map(({ name }) => [name, layout.client(name).identity]),
  ),
  state: 'state',
  logs: 'logs',
});

/** Replaces the policy file of a host; its broker loads it at SIGHUP. */
export async function replacePolicy(layout: FleetLayout, host: string, policy: FleetHost['policy']): Promise<void> {
  write(layout.host(host).policy, (await buildPolicy({ host: policy })).text);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
