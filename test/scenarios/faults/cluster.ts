import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FleetLayout, fleetClients, fleetHosts } from '../../../services/cli/fleet/layout.ts';
import type { Program } from '../../../services/cli/fleet/processes.ts';
import { configOf, type Member, urlOf } from '../../support/nats-cluster.ts';

/**
 * Has the fleet use a bus of three servers, each with a copy of every owner record: writes their configuration, points
 * everybody to them, and answers with the programs of the fleet.
 */
export function inCluster(layout: FleetLayout, members: readonly Member[], usual: readonly Program[]): Program[] {
  const [bus] = usual.filter(({ kind }) => kind === 'bus');
  if (bus === undefined) throw new Error('the fleet has no bus');
  const servers = members.map((member): Program => {
    const data = join(layout.bus.folder, member.name);
    mkdirSync(data, { mode: 0o700 });
    const config = join(layout.bus.folder, `${member.name}.conf`);
    writeFileSync(config, configOf(member, members, data), { mode: 0o600 });
    return { ...bus, name: member.name, args: ['--config', config] };
  });
  const urls = members.map(urlOf);
  for (const { name } of fleetHosts) useServers(layout.host(name).config, urls, ', replicas: 3');
  for (const { name } of fleetClients) useServers(layout.client(name).config, urls, '');
  return [...servers, ...usual.filter(({ kind }) => kind === 'broker')];
}

function useServers(config: string, urls: readonly string[], more: string): void {
  const text = readFileSync(config, 'utf8');
  const known = /^bus:\n(?: +.*\n)+/m;
  if (!known.test(text)) throw new Error(`${config} names no bus`);
  writeFileSync(config, text.replace(known, `bus: { servers: ${JSON.stringify(urls)}${more} }\n`));
}
