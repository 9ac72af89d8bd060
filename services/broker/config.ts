import { dirname, resolve } from 'node:path';
import { readConfig } from '../../shared/config/config.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import { hostName } from '../../shared/ids.ts';
import { label } from '../../shared/label/label.ts';
import { limits } from '../../shared/limits.ts';
import {
  defaultsTo,
  fields,
  flag,
  integer,
  list,
  maybe,
  oneOf,
  pattern,
  type Shape,
  text,
} from '../../shared/schema/schema.ts';

/** A path in a configuration file; a relative one is taken from the file's own folder. */
const path = text(4096);

const atOnce = () => defaultsTo(integer(1, limits.migrationsAtOnce), 2);

/** How many migrations a host takes part in, and in which. */
const migrationLimits = fields({
  /** VMs that are sent at once. */
  outboundMax: atOnce(),
  /** VMs that are taken in at once. */
  inboundMax: atOnce(),
  /** Whether VMs may leave and come by post-copy, where a client asks for it. */
  postcopy: defaultsTo(flag(), true),
  /** How old the checkpoint may be that a VM needs here before it may leave by post-copy. */
  checkpointMinutesMax: defaultsTo(integer(1, 525_600), 60),
  /** Migrations that may wait for their turn. */
  queueMax: defaultsTo(integer(1, limits.queuedMigrations), limits.queuedMigrations),
});
export type MigrationLimits = Shape<typeof migrationLimits>;

/** What `broker.yaml` holds. README.md shows one with every field. */
export const brokerConfig = fields({
  host: hostName,
  /** The IP address at which other hosts reach this one for transfers. */
  address: pattern(/^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]{2,45})$/, 45, 'an IP address'),
  bus: fields({
    servers: list(text(256), 16),
    /** How many servers keep the records when this broker makes their buckets. From three on the record decides alone. */
    replicas: defaultsTo(integer(1, 5), 1),
  }),
  /** A folder with certificate.pem, key.pem and authority.pem. */
  identity: path,
  /** The map from certificate names to security contexts. */
  identities: path,
  policy: fields({
    /**
     * The policy in a file, kernel policy language or binary; or `kernel: true`, and it is the one that this host's kernel
     * has.
     */
    file: maybe(path),
    kernel: defaultsTo(flag(), false),
    /** False records refusals without acting on them; such a host takes nothing that must be enforced. */
    enforcing: defaultsTo(flag(), true),
    /** True refuses to run a VM where its process cannot be started in its domain. */
    mustConfine: defaultsTo(flag(), false),
  }),
  /** The broker's own context. */
  context: label,
  pool: fields({ directory: path, fileContexts: maybe(path) }),
  checkpoints: fields({ directory: path, context: label }),
  migrations: defaultsTo(migrationLimits, {}),
  /** The journal and the VM definitions. */
  state: path,
  /** Sockets and one-off keys: on a tmpfs, readable by the broker alone. */
  run: path,
  logs: path,
  logLevel: defaultsTo(oneOf(['debug', 'info', 'warn', 'error']), 'info'),
});
export type BrokerConfig = Shape<typeof brokerConfig>;

/** Reads `broker.yaml` and makes every path absolute. CONFIG_INVALID names file, line and column. */
export async function readBrokerConfig(file: string): Promise<BrokerConfig> {
  const config = await readConfig(file, brokerConfig);
  const at = (relative: string) => resolve(dirname(file), relative);
  const policyFile = config.policy.file;
  if ((policyFile === undefined) !== config.policy.kernel) {
    throw new BrokerError('CONFIG_INVALID', `${file}: policy needs either a file or kernel: true`, {
      hint: "name the policy file, or take this host's own policy",
    });
  }
  return {
    ...config,
    identity: at(config.identity),
    identities: at(config.identities),
    policy: { ...config.policy, ...(policyFile === undefined ? {} : { file: at(policyFile) }) },
    pool: {
      directory: at(config.pool.directory),
      ...(config.pool.fileContexts === undefined ? {} : { fileContexts: at(config.pool.fileContexts) }),
    },
    checkpoints: { ...config.checkpoints, directory: at(config.checkpoints.directory) },
    state: at(config.state),
    run: at(config.run),
    logs: at(config.logs),
  };
}
