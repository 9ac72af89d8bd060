import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The hosts of a fleet on one machine, with the kind of policy each has: a file of policy/modules/hosts. */
export const fleetHosts = [
  { name: 'alpha', policy: 'accepting' },
  { name: 'beta', policy: 'accepting' },
  { name: 'gamma', policy: 'no-entrypoint' },
] as const;
export type FleetHost = (typeof fleetHosts)[number];

/** Everything runs on one machine: every host is reached here. */
export const hostAddress = '127.0.0.1';

const everyCategory = 's0-s3:c0.c1023';

/** The clients of a fleet on one machine, and who every host takes them for. */
export const fleetClients = [
  { name: 'operator', context: `operator_u:operator_r:carnet_operator_t:${everyCategory}` },
  { name: 'monitor', context: `monitor_u:monitor_r:carnet_monitor_t:${everyCategory}` },
  { name: 'intruder', context: `intruder_u:intruder_r:carnet_intruder_t:${everyCategory}` },
] as const;

/** The labels of what is no client, in the shipped policy. */
export const contexts = {
  broker: `system_u:system_r:carnet_t:${everyCategory}`,
  peer: (host: string) => `system_u:system_r:${host}_host_t:${everyCategory}`,
  store: 'system_u:object_r:carnet_store_t:s0',
  /** `categories` such as `c10,c20` keep the VMs of one sensitivity apart; empty for none. */
  disk: (categories: string) => `system_u:object_r:qemu_virtdisk_t:s0${categories === '' ? '' : `:${categories}`}`,
  kernel: 'system_u:object_r:qemu_kernel_t:s0',
} as const;

/** Where everything of a fleet is. One folder holds it all, so that removing the folder removes the fleet. */
export interface FleetLayout {
  readonly root: string;
  /** Says that the folder is a fleet's, and what must stay the same from one start to the next. */
  readonly marker: string;
  readonly lock: string;
  /** Its key is in this folder, for the authority's program alone. */
  readonly authority: { readonly folder: string; readonly certificate: string; readonly log: string };
  readonly bus: { readonly folder: string; readonly config: string; readonly data: string };
  /** As shared storage would be: one folder that every host has. */
  readonly pool: string;
  readonly fileContexts: string;
  readonly checkpoints: string;
  readonly processes: string;
  readonly logs: string;
  host(name: string): HostLayout;
  readonly scheduler: {
    readonly folder: string;
    readonly config: string;
    readonly identity: string;
    readonly state: string;
  };
  client(name: string): { readonly folder: string; readonly config: string; readonly identity: string };
}

export interface HostLayout {
  readonly folder: string;
  readonly config: string;
  readonly identity: string;
  readonly identities: string;
  readonly policy: string;
  readonly state: string;
  readonly run: string;
  readonly logs: string;
}

/** The layout of the fleet at an absolute path. */
export function layoutOf(root: string): FleetLayout {
  const authority = join(root, 'authority');
  const bus = join(root, 'bus');
  const scheduler = join(root, 'scheduler');
  return {
    root,
    marker: join(root, 'fleet.json'),
    lock: join(root, 'lock'),
    authority: {
      folder: authority,
      certificate: join(authority, 'authority.pem'),
      log: join(authority, 'authority.log'),
    },
    bus: { folder: bus, config: join(bus, 'nats.conf'), data: join(bus, 'data') },
    pool: join(root, 'pool'),
    fileContexts: join(root, 'file_contexts'),
    checkpoints: join(root, 'checkpoints'),
    processes: join(root, 'processes'),
    logs: join(root, 'logs'),
    host(name) {
      const folder = join(root, 'hosts', name);
      return {
        folder,
        config: join(folder, 'broker.yaml'),
        identity: join(folder, 'identity'),
        identities: join(folder, 'identities.yaml'),
        policy: join(folder, 'policy.conf'),
        state: join(folder, 'state'),
        run: join(folder, 'run'),
        logs: join(folder, 'logs'),
      };
    },
    scheduler: {
      folder: scheduler,
      config: join(scheduler, 'scheduler.yaml'),
      identity: join(scheduler, 'identity'),
      state: join(scheduler, 'state'),
    },
    client(name) {
      const folder = join(root, 'clients', name);
      return { folder, config: join(folder, 'client.yaml'), identity: join(folder, 'identity') };
    },
  };
}

/** Where the programs of the fleet are. */
export const programOf = (service: 'broker' | 'scheduler' | 'authority'): string =>
  fileURLToPath(new URL(`../../${service}/main.ts`, import.meta.url));

/** Unix sockets have paths of at most 107 bytes; below the root come `hosts/alpha/run/` and a name. */
export const rootBytesMax = 60;
