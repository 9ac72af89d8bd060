import { limits } from './limits.ts';
import { branded, pattern, type Shape } from './schema/schema.ts';

/** Names are DNS labels: they become subject tokens, file names and certificate names without escaping. */
const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const name = (what: string) =>
  pattern(label, limits.nameLength, `${what} (lower-case letters, digits and inner hyphens)`);

export const hostName = branded(name('a host name'), 'HostName');
export const clientName = branded(name('a client name'), 'ClientName');
export const vmName = branded(name('a VM name'), 'VmName');
export const jobName = branded(name('a job name'), 'JobName');
/** Whoever can sign: a host, a client or a service. */
export const principalName = name('a name');
/** A file in a pool: no slash, no leading dot or hyphen, so that it is never a path or an option. */
export const imageName = branded(
  pattern(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 128, 'an image name (letters, digits, dot, underscore, hyphen)'),
  'ImageName',
);
/** `op-` and 26 characters of Crockford base 32: 48 bits of time, 80 of chance, so that ids sort by time. */
export const operationId = branded(pattern(/^op-[0-9a-hjkmnp-tv-z]{26}$/, 29, 'an operation id'), 'OperationId');
/** `cp-` and the same 26 characters. */
export const checkpointId = branded(pattern(/^cp-[0-9a-hjkmnp-tv-z]{26}$/, 29, 'a checkpoint id'), 'CheckpointId');
export const uuid = pattern(
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  36,
  'a UUID in lower case',
);
export const sha256Hex = pattern(/^[0-9a-f]{64}$/, 64, 'a SHA-256 digest in lower-case hex');

export type HostName = Shape<typeof hostName>;
export type ClientName = Shape<typeof clientName>;
export type VmName = Shape<typeof vmName>;
export type JobName = Shape<typeof jobName>;
export type ImageName = Shape<typeof imageName>;
export type OperationId = Shape<typeof operationId>;
export type CheckpointId = Shape<typeof checkpointId>;

const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new id: `prefix-` and 26 characters from the time in ms and ten random bytes. */
export function newId<P extends 'op' | 'cp'>(prefix: P, nowMs: number, random: Uint8Array): string {
  if (random.length < 10) throw new RangeError('an id needs ten random bytes');
  let value = BigInt(nowMs);
  for (const byte of random.subarray(0, 10)) value = (value << 8n) | BigInt(byte);
  let out = '';
  for (let i = 0; i < 26; i++) {
    out = crockford[Number(value & 31n)] + out;
    value >>= 5n;
  }
  return `${prefix}-${out}`;
}
