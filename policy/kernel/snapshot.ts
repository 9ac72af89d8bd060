import { createHash } from 'node:crypto';
import { askAccess } from './ask.ts';
import { readBoolean, readBooleans } from './booleans.ts';
import { type KernelClass, readClass } from './class-table.ts';
import { changed, unavailable } from './faults.ts';
import type { Selinuxfs } from './selinuxfs.ts';
import { parseContext } from './text.ts';

/** One policy of the kernel: what is read of it, and the means to notice that it is no longer the one in force. */
export interface Snapshot {
  readonly fs: Selinuxfs;
  readonly seqno: number;
  /** The context of the kernel itself: always valid. */
  readonly kernelContext: string;
  readonly booleans: ReadonlyMap<string, boolean>;
  /** SHA-256 of the policy in the kernel's binary form, lower-case hex; undefined where it may not be read. */
  readonly digest: string | undefined;
  /** True while the kernel has this policy. As numbers only grow, every answer that was given before was of this policy, too. */
  isInForce(): boolean;
  /** What `ask` answers. Throws BrokerError POLICY_CHANGED instead, also of a fault, unless the policy is in force after it. */
  whileInForce<T>(ask: () => T): T;
  /** A class of this policy, or undefined. */
  classOf(name: string): KernelClass | undefined;
  /** The policy in the kernel's binary form, which `digest` is of. */
  readPolicy(): Uint8Array;
}

const policyBytesMax = 64 * 1024 * 1024;
const contextBytesMax = 4096;
const classesRememberedMax = 1024;
const attemptsMax = 8;

/**
 * Reads what policy the kernel has, again where it is being replaced meanwhile.
 * @throws BrokerError POLICY_UNAVAILABLE, or POLICY_CHANGED when it never holds still.
 */
export function takeSnapshot(fs: Selinuxfs): Snapshot {
  for (let attempt = 1; ; attempt++) {
    const kernelContext = readKernelContext(fs);
    const seqno = seqnoNow(fs, kernelContext);
    const read = outcomeOf(() => ({ booleans: readBooleans(fs), digest: digestOf(readWholePolicy(fs)) }));
    if (seqno !== undefined && seqno === seqnoNow(fs, kernelContext)) {
      return snapshotOf(fs, { seqno, kernelContext, ...read() });
    }
    if (attempt < attemptsMax) continue;
    throw seqno === undefined
      ? unavailable('the context of the kernel is not valid in its policy', 'EINVAL')
      : changed(seqno);
  }
}

type Read = Pick<Snapshot, 'seqno' | 'kernelContext' | 'booleans' | 'digest'>;

function snapshotOf(fs: Selinuxfs, read: Read): Snapshot {
  const classes = new Map<string, KernelClass | undefined>();
  const [anyBoolean] = read.booleans.keys();
  const isInForce = (): boolean => seqnoNow(fs, read.kernelContext) === read.seqno;
  const whileInForce = <T>(ask: () => T): T => {
    const answer = outcomeOf(ask);
    if (!isInForce()) throw changed(read.seqno);
    return answer();
  };
  /**
   * While the kernel loads a policy it shows the new classes a moment before the policy is in force. It answers for
   * a boolean, and opens the policy file, only when it has finished (its policy_mutex): after that the number tells.
   */
  const noLoadUnderWay = (): void => {
    if (anyBoolean !== undefined) readBoolean(fs, anyBoolean);
    else if (readWholePolicy(fs) === undefined)
      throw unavailable('a policy without booleans may not be read', 'EACCES');
  };
  return {
    fs,
    ...read,
    isInForce,
    whileInForce,
    classOf(name) {
      const known = classes.get(name);
      if (known !== undefined || classes.has(name)) return known;
      const found = whileInForce(() => {
        const datum = readClass(fs, name);
        noLoadUnderWay();
        return datum;
      });
      if (classes.size < classesRememberedMax) classes.set(name, found);
      return found;
    },
    readPolicy() {
      const bytes = whileInForce(() => readWholePolicy(fs));
      if (bytes === undefined) throw unavailable("the kernel's policy cannot be read", 'EACCES');
      return bytes;
    },
  };
}

/** Calls, and keeps what came of it, so that a fault can be told from the change that caused it. */
function outcomeOf<T>(call: () => T): () => T {
  try {
    const value = call();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/**
 * The number of the policy in force, which only an access vector tells; of which class does not matter. Undefined where
 * the context is not valid in it.
 */
const seqnoNow = (fs: Selinuxfs, context: string): number | undefined => askAccess(fs, [context, context, 1])?.seqno;

function readKernelContext(fs: Selinuxfs): string {
  const reply = fs.read('initial_contexts/kernel', contextBytesMax);
  if (!reply.ok) throw unavailable('the context of the kernel cannot be read', reply.errno);
  const context = parseContext(Buffer.from(reply.value).toString('latin1'));
  if (context === undefined) throw unavailable('the context of the kernel is not one', 'EBADMSG');
  return context;
}

/** The policy, or undefined where this process may not read it. */
function readWholePolicy(fs: Selinuxfs): Uint8Array | undefined {
  const reply = fs.read('policy', policyBytesMax);
  if (reply.ok) return reply.value;
  if (reply.errno === 'EACCES' || reply.errno === 'EPERM' || reply.errno === 'ENOENT') return undefined;
  throw unavailable("the kernel's policy cannot be read", reply.errno);
}

const digestOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex');
