import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { check, fields, integer, maybe, oneOf, real, type Shape, text } from '../../../../shared/schema/schema.ts';

/*
 * What is read of QEMU's answers. A QEMU that was broken into from inside its guest may answer anything, so every field
 * that is used is checked; fields Carnet does not use are left out before the check, as QEMU adds some in every version.
 */

const bytesMax = Number.MAX_SAFE_INTEGER;
const word = () => text(64);
const sentence = () => text(4096);
type Reply = ReturnType<typeof fields>;

export const statusReply = fields({
  status: oneOf([
    'running',
    'paused',
    'prelaunch',
    'inmigrate',
    'finish-migrate',
    'postmigrate',
    'shutdown',
    'suspended',
    'io-error',
    'internal-error',
    'guest-panicked',
    'watchdog',
    'debug',
    'save-vm',
    'restore-vm',
  ]),
});

export const nameReply = fields({ name: word() });

export const migrationStatus = oneOf([
  'none',
  'setup',
  'cancelling',
  'cancelled',
  'active',
  'postcopy-active',
  'postcopy-paused',
  'postcopy-recover',
  'completed',
  'failed',
  'colo',
  'pre-switchover',
  'device',
  'wait-unplug',
]);
export type MigrationStatus = Shape<typeof migrationStatus>;

export const migrateReply = fields({
  status: maybe(migrationStatus),
  'total-time': maybe(integer(0, bytesMax)),
  downtime: maybe(integer(0, bytesMax)),
  'cpu-throttle-percentage': maybe(integer(0, 100)),
  'error-desc': maybe(sentence()),
});
export const ramReply = fields({
  transferred: integer(0, bytesMax),
  remaining: integer(0, bytesMax),
  total: integer(0, bytesMax),
  mbps: real(0, 1e9),
  'postcopy-bytes': integer(0, bytesMax),
  'dirty-sync-count': integer(0, bytesMax),
  'dirty-pages-rate': integer(0, bytesMax),
  'page-size': integer(0, 2 ** 30),
});
export const socketReply = fields({ type: word(), host: text(255), port: word() });

export const jobReply = fields({ id: word(), status: word(), error: maybe(sentence()) });
export const nodeReply = fields({ 'node-name': maybe(word()) });
export const imageReply = fields({ 'virtual-size': integer(0, bytesMax) });

/** The fields of `schema`, checked, out of an object QEMU sent. Throws QEMU_PROTOCOL, with what is wrong. */
export function readReply<S extends Reply>(schema: S, value: unknown, what: string): Shape<S> {
  const known = Object.keys(schema.entries);
  const picked = isObject(value)
    ? Object.fromEntries(known.filter((k) => k in value).map((k) => [k, value[k]]))
    : value;
  const checked = check(schema, picked);
  if (!checked.ok) throw new BrokerError('QEMU_PROTOCOL', `QEMU's ${what} is not as expected: ${checked.problems[0]}`);
  return checked.value as Shape<S>;
}

/** A list of objects QEMU sent, none of them looked at yet. */
export function readList(value: unknown, lengthMax: number, what: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= lengthMax) return value;
  throw new BrokerError('QEMU_PROTOCOL', `QEMU's ${what} is not a list of at most ${lengthMax} entries`);
}

/** One field of an object QEMU sent, or nothing. */
export const fieldOf = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
