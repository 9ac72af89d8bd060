import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { FleetLayout } from '../../../services/cli/fleet/layout.ts';
import type { Program } from '../../../services/cli/fleet/processes.ts';
import { type Host, hosts } from './hosts.ts';

/*
 * Every host in a network namespace of its own, with a link to a bridge in the one this process is in (which must be no
 * network that anybody else uses: `npm run faults -- --network` makes it). The bus is on the bridge.
 */
const bridge = 'carnet0';
const bus = '10.201.0.1';
const address: Readonly<Record<Host, string>> = { alpha: '10.201.0.2', beta: '10.201.0.3' };
const space = (host: Host) => `carnet-${process.pid}-${host}`;
const link = (host: Host) => `to-${host}`;
const ip = (...args: readonly string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Makes the namespaces and their links. */
export function makeNetwork(): void {
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', bridge, 'type', 'bridge');
  ip('address', 'add', `${bus}/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  for (const host of hosts) {
    ip('netns', 'add', space(host));
    ip('link', 'add', link(host), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space(host));
    ip('link', 'set', link(host), 'master', bridge, 'up');
    ip('-n', space(host), 'link', 'set', 'lo', 'up');
    ip('-n', space(host), 'address', 'add', `${address[host]}/24`, 'dev', 'eth0');
    ip('-n', space(host), 'link', 'set', 'eth0', 'up');
  }
}

export function removeNetwork(): void {
  for (const host of hosts) ip('netns', 'delete', space(host));
}

/** Lets a fleet that was made for one loopback address use the network: the bus listens on it, each host has its address. */
export function moveToNetwork(layout: FleetLayout): void {
  rewrite(layout.bus.config, '127.0.0.1', '0.0.0.0');
  for (const host of hosts) {
    const { config } = layout.host(host);
    rewrite(config, 'address: 127.0.0.1', `address: ${address[host]}`);
    rewrite(config, 'nats://127.0.0.1', `nats://${bus}`);
  }
}

function rewrite(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  writeFileSync(file, text.replaceAll(from, to));
}

/** The program, run in the namespace of its host. */
export const inNetwork = (program: Program): Program =>
  program.name === 'alpha' || program.name === 'beta'
    ? { ...program, command: 'ip', args: ['netns', 'exec', space(program.name), program.command, ...program.args] }
    : program;

/** Cuts a host off from everything. */
export const cut = (host: Host) => ip('link', 'set', link(host), 'down');
export const heal = (host: Host) => ip('link', 'set', link(host), 'up');

/** Drops what one host sends to the other; what it sends to the bus, and all that it receives, gets through. */
export const block = (from: Host, to: Host) => ip('-n', space(from), 'route', 'add', 'blackhole', `${address[to]}/32`);
export const unblock = (from: Host, to: Host) =>
  ip('-n', space(from), 'route', 'delete', 'blackhole', `${address[to]}/32`);
