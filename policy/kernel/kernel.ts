import { loadBinary } from '../binary/load-binary.ts';
import { writeBooleans } from './booleans.ts';
import { unavailable } from './faults.ts';
import { createKernelPolicy, type KernelPolicy, type ReadRules } from './kernel-policy.ts';
import { openSelinuxfs, type Selinuxfs } from './selinuxfs.ts';
import { takeSnapshot } from './snapshot.ts';
import { type KernelStatus, readStatus } from './status-page.ts';
import { isName, parseContext, parseCount } from './text.ts';

/** What the kernel says of itself besides answering questions. */
interface KernelFacts {
  /** The newest binary policy format the kernel reads. */
  readonly policyVersionMax: number;
  readonly mls: boolean;
  /** What the kernel itself does about classes and permissions its policy lacks. Questions put here are refused whatever it says. */
  readonly handleUnknown: 'allow' | 'deny' | 'reject';
  /** The contexts of what has none yet, by the kernel's names; those that the policy does not give are left out. */
  readonly initialContexts: ReadonlyMap<string, string>;
}

/** A running kernel's SELinux. Every method throws BrokerError POLICY_UNAVAILABLE where the kernel does not answer as it should. */
export interface Kernel {
  /** The policy in force: the same object until the kernel loads another policy or its booleans change. */
  current(): KernelPolicy;
  status(): KernelStatus;
  facts(): KernelFacts;
  /** Sets booleans, all or none, and answers with the policy then in force. RangeError for an unknown name. */
  setBooleans(values: Readonly<Record<string, boolean>>): KernelPolicy;
  setEnforcing(enforcing: boolean): void;
}

const smallBytesMax = 4096;
const initialContextsMax = 256;

/**
 * Opens the selinuxfs at `mount` (/sys/fs/selinux unless given). Rules are named in explanations where this process may
 * read the kernel's policy; it is read at the first of them, by the engine's own reader.
 * @throws BrokerError POLICY_UNAVAILABLE where no selinuxfs is mounted there.
 */
export function openKernel(options: { readonly mount?: string } = {}): Kernel {
  const mount = options.mount ?? '/sys/fs/selinux';
  return kernelOn(openSelinuxfs(mount), (bytes, seqno) => {
    const loaded = loadBinary(bytes, `${mount}/policy`, { seqno, flavour: 'kernel' });
    return loaded.ok ? loaded.policy : undefined;
  });
}

/** The kernel behind the files of a selinuxfs. */
export function kernelOn(fs: Selinuxfs, readRules?: ReadRules): Kernel {
  let held: { readonly policy: KernelPolicy; readonly isInForce: () => boolean } | undefined;
  const current = (): KernelPolicy => {
    if (held?.isInForce() !== true) {
      const snapshot = takeSnapshot(fs);
      held = { policy: createKernelPolicy(snapshot, readRules), isInForce: snapshot.isInForce };
    }
    return held.policy;
  };
  return {
    current,
    status: () => readStatus(fs),
    facts: () => readFacts(fs),
    setBooleans(values) {
      writeBooleans(fs, values, current().booleans);
      return current();
    },
    setEnforcing(enforcing) {
      const set = fs.write('enforce', enforcing ? '1' : '0');
      if (!set.ok) throw unavailable('the kernel does not change whether it enforces', set.errno);
    },
  };
}

function readFacts(fs: Selinuxfs): KernelFacts {
  const number = (file: string, max: number): number => {
    const reply = fs.read(file, smallBytesMax);
    if (!reply.ok) throw unavailable(`${file} cannot be read`, reply.errno);
    const value = parseCount(reply.value, max);
    if (value === undefined) throw unavailable(`${file} is not a number up to ${max}`, 'EBADMSG');
    return value;
  };
  const rejects = number('reject_unknown', 1) === 1;
  const denies = number('deny_unknown', 1) === 1;
  return {
    policyVersionMax: number('policyvers', 0xffff),
    mls: number('mls', 1) === 1,
    handleUnknown: rejects ? 'reject' : denies ? 'deny' : 'allow',
    initialContexts: readInitialContexts(fs),
  };
}

function readInitialContexts(fs: Selinuxfs): ReadonlyMap<string, string> {
  const names = fs.list('initial_contexts', initialContextsMax);
  if (!names.ok) throw unavailable('the initial contexts cannot be listed', names.errno);
  const contexts = new Map<string, string>();
  for (const name of names.value) {
    const reply = isName(name) ? fs.read(`initial_contexts/${name}`, smallBytesMax) : undefined;
    if (reply?.ok === false && reply.errno === 'EINVAL') continue;
    const context = reply?.ok === true ? parseContext(Buffer.from(reply.value).toString('latin1')) : undefined;
    if (context === undefined) throw unavailable(`initial context ${name} is not one`, 'EBADMSG');
    contexts.set(name, context);
  }
  return contexts;
}
