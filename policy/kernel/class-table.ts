import { unavailable } from './faults.ts';
import type { Selinuxfs } from './selinuxfs.ts';
import { isName, parseCount } from './text.ts';

/** A class as the kernel's policy numbers it. */
export interface KernelClass {
  readonly number: number;
  /** The permissions' names by bit. Bits that have none are unknown to the policy and never allowed. */
  readonly perms: ReadonlyMap<string, number>;
}

const classesMax = 65_535;
const permsMax = 32;
const numberBytesMax = 16;

/**
 * Reads a class from `class/`; undefined for one the policy does not declare. Numbers are per policy: the caller makes
 * sure that the policy is still the same.
 * @throws BrokerError POLICY_UNAVAILABLE where the files are not what the kernel writes.
 */
export function readClass(fs: Selinuxfs, name: string): KernelClass | undefined {
  if (!isName(name)) return undefined;
  const number = readNumber(fs, `class/${name}/index`, classesMax);
  if (number === undefined) return undefined;
  const names = fs.list(`class/${name}/perms`, permsMax);
  if (!names.ok) throw unavailable(`the permissions of class ${name} cannot be listed`, names.errno);
  const perms = new Map<string, number>();
  for (const perm of names.value) {
    const position = isName(perm) ? readNumber(fs, `class/${name}/perms/${perm}`, permsMax) : undefined;
    if (position === undefined) throw unavailable(`permission ${perm} of class ${name} cannot be read`, 'EBADMSG');
    perms.set(perm, 1 << (position - 1));
  }
  if (new Set(perms.values()).size !== perms.size) throw unavailable(`class ${name} has a bit twice`, 'EBADMSG');
  return { number, perms: new Map([...perms].sort(([, left], [, right]) => (left >>> 0) - (right >>> 0))) };
}

/** The names of the permissions whose bits are set, in the order of the bits. */
export function namesOf({ perms }: KernelClass, bits: number): string[] {
  return [...perms].filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name);
}

function readNumber(fs: Selinuxfs, path: string, max: number): number | undefined {
  const reply = fs.read(path, numberBytesMax);
  if (!reply.ok && reply.errno === 'ENOENT') return undefined;
  if (!reply.ok) throw unavailable(`${path} cannot be read`, reply.errno);
  const number = parseCount(reply.value, max);
  if (number === undefined || number === 0) throw unavailable(`${path} is not a number`, 'EBADMSG');
  return number;
}
