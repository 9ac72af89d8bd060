import { dirname, join, resolve } from 'node:path';
import { readConfig } from '../../shared/config/config.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import { type ClientName, clientName } from '../../shared/ids.ts';
import {
  check,
  defaultsTo,
  fields,
  list,
  mapping,
  maybe,
  oneOf,
  type Shape,
  text,
} from '../../shared/schema/schema.ts';

/** A path in the configuration file; a relative one is taken from the file's own folder. */
const path = text(4096);
const clientsMax = 1000;

/** What `scheduler.yaml` holds. README.md shows one. */
const schedulerConfig = fields({
  bus: fields({ servers: list(text(256), 16) }),
  /** The scheduler's own identity: a folder with certificate.pem, key.pem and authority.pem. */
  identity: path,
  /** The clients jobs may act for: a folder that holds one such folder per client, named as the client is. */
  actsFor: maybe(path),
  /** The same for identities that are kept elsewhere: the client's name, and the folder. */
  clients: maybe(mapping(text(63), path, clientsMax)),
  /** Which messages were taken already, so that none is taken again after a restart. */
  state: path,
  logs: path,
  logLevel: defaultsTo(oneOf(['debug', 'info', 'warn', 'error']), 'info'),
});

/** `scheduler.yaml` with every path absolute. */
export interface SchedulerConfig extends Omit<Shape<typeof schedulerConfig>, 'actsFor' | 'clients'> {
  readonly logFile: string;
  /** The folder of a client's identity; nothing for a client jobs may not act for. Whether it exists is seen when it is read. */
  identityFolder(client: ClientName): string | undefined;
}

/** Reads `scheduler.yaml`. CONFIG_INVALID names file, line and column. */
export async function readSchedulerConfig(file: string): Promise<SchedulerConfig> {
  const { actsFor, clients = {}, ...config } = await readConfig<Shape<typeof schedulerConfig>>(file, schedulerConfig);
  const at = (relative: string) => resolve(dirname(file), relative);
  const named = new Map<string, string>();
  for (const [name, folder] of Object.entries(clients)) {
    const checked = check(clientName, name);
    if (!checked.ok)
      throw new BrokerError('CONFIG_INVALID', `${file}: clients: \`${name}\` ${checked.problems.join('; ')}`);
    named.set(name, at(folder));
  }
  if (actsFor === undefined && named.size === 0) {
    throw new BrokerError('CONFIG_INVALID', `${file}: neither actsFor nor clients says for whom jobs may act`);
  }
  const logs = at(config.logs);
  return {
    ...config,
    identity: at(config.identity),
    state: at(config.state),
    logs,
    logFile: join(logs, 'scheduler.log'),
    // A client's name is a DNS label, so that it is never a path.
    identityFolder: (client) => named.get(client) ?? (actsFor === undefined ? undefined : join(at(actsFor), client)),
  };
}
