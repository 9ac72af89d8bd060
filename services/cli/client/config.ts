import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readConfig } from '../../../shared/config/config.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { clientName } from '../../../shared/ids.ts';
import { check, fields, list, type Shape, text } from '../../../shared/schema/schema.ts';
import type { GlobalOptions } from '../session.ts';

/** What `client.yaml` holds: where the bus is, and the folder with certificate.pem, key.pem and authority.pem. */
export const clientConfig = fields({ bus: fields({ servers: list(text(256), 16) }), identity: text(4096) });
export type ClientConfig = Shape<typeof clientConfig>;

type Env = Readonly<Record<string, string | undefined>>;

/** Where a fleet on this machine is, where nothing else is said. */
export const fleetFolder = (options: Pick<GlobalOptions, 'fleet'>, env: Env): string =>
  resolve(
    options.fleet ?? env['CARNET_FLEET'] ?? join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'carnet'),
  );

/** Where a client's configuration is in the folder of a fleet. */
export const clientFile = (fleet: string, name: string): string => join(fleet, 'clients', name, 'client.yaml');

/** Who acts in a fleet on this machine when nobody is named. */
const defaultClient = 'operator';

/** The client.yaml to use: the one named, else the fleet's, else the person's own, else the default fleet's. */
export function findClientFile(options: GlobalOptions, env: Env): string {
  if (options.config !== undefined) return options.config;
  const name = options.as ?? defaultClient;
  const named = check(clientName, name);
  if (!named.ok)
    throw new BrokerError('USAGE_INVALID', `\`${name}\` ${named.problems.join('; ').replace(/^value: /, '')}`);
  const inFleet = clientFile(fleetFolder(options, env), name);
  if (options.fleet !== undefined || options.as !== undefined || env['CARNET_FLEET'] !== undefined) return inFleet;
  if (env['CARNET_CONFIG'] !== undefined) return env['CARNET_CONFIG'];
  const own = join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'carnet', 'client.yaml');
  return existsSync(own) ? own : inFleet;
}

/** Reads it and makes the identity's path absolute. CONFIG_INVALID where it is missing or wrong. */
export async function readClientConfig(file: string): Promise<ClientConfig> {
  if (!existsSync(file)) {
    throw new BrokerError('CONFIG_INVALID', `there is no ${file}`, {
      hint: 'make a fleet on this machine with `carnet fleet up`, or name a client.yaml with --config',
    });
  }
  const config = await readConfig(file, clientConfig);
  return { ...config, identity: resolve(dirname(file), config.identity) };
}
