import { unavailable } from './faults.ts';
import type { Reply, Selinuxfs } from './selinuxfs.ts';
import { isName, parseBoolean } from './text.ts';

const booleansMax = 65_535;
const booleanBytesMax = 16;

/**
 * The booleans and the values in force, sorted by name. The kernel answers for a boolean only while it is not loading a
 * policy, so that all of them read is also the end of any load.
 * @throws BrokerError POLICY_UNAVAILABLE where one cannot be read or holds something else.
 */
export function readBooleans(fs: Selinuxfs): ReadonlyMap<string, boolean> {
  const names = fs.list('booleans', booleansMax);
  if (!names.ok) throw unavailable('the booleans cannot be listed', names.errno);
  return new Map(names.value.map((name) => [name, readBoolean(fs, name)]));
}

export function readBoolean(fs: Selinuxfs, name: string): boolean {
  if (!isName(name)) throw unavailable('a boolean has a name that is none', 'EBADMSG');
  const reply = fs.read(`booleans/${name}`, booleanBytesMax);
  if (!reply.ok) throw unavailable(`boolean ${name} cannot be read`, reply.errno);
  const value = parseBoolean(reply.value);
  if (value === undefined) throw unavailable(`boolean ${name} is neither on nor off`, 'EBADMSG');
  return value;
}

/**
 * Sets booleans, all or none: values wait in the kernel until they are committed. Where one is not taken, those before it
 * are put back. Values that another process left waiting are committed too: the kernel has one set of them for all.
 * @throws RangeError for a name that is not in `current`, BrokerError POLICY_UNAVAILABLE where the kernel does not take them.
 */
export function writeBooleans(
  fs: Selinuxfs,
  values: Readonly<Record<string, boolean>>,
  current: ReadonlyMap<string, boolean>,
): void {
  const entries = Object.entries(values);
  for (const [name] of entries) if (!current.has(name)) throw new RangeError(`unknown boolean \`${name}\``);
  const put = (name: string, value: boolean): Reply<undefined> => fs.write(`booleans/${name}`, value ? '1' : '0');
  const giveUp = (what: string, errno: string): never => {
    for (const [name] of entries) put(name, current.get(name) === true);
    throw unavailable(what, errno);
  };
  for (const [name, value] of entries) {
    const taken = put(name, value);
    if (!taken.ok) giveUp(`boolean ${name} cannot be set`, taken.errno);
  }
  const committed = fs.write('commit_pending_bools', '1');
  if (!committed.ok) giveUp('booleans cannot be committed', committed.errno);
}
