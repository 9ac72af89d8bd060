import { type Kernel, openKernel } from '../../../policy/kernel/kernel.ts';
import { createKernelHolder } from './kernel-holder.ts';
import { createPolicyHolder, type PolicyHolder } from './policy-holder.ts';

/** The policy a host decides by, and whether processes that are started in a domain are held in it at this moment. */
export interface OpenedPolicy {
  readonly holder: PolicyHolder;
  readonly holdsProcesses: () => boolean;
}

/**
 * Opens the policy in a file or, without one, the policy this host's kernel has.
 * @throws BrokerError POLICY_UNAVAILABLE where the kernel has none.
 */
export function openPolicy(options: {
  readonly file?: string | undefined;
  readonly cacheDirectory: string;
  readonly onLoad: (outcome: { ok: boolean; seqno: number; digest?: string }) => Promise<void>;
  readonly kernelHere?: () => Kernel;
}): OpenedPolicy {
  const { file, cacheDirectory, onLoad, kernelHere = openKernel } = options;
  if (file !== undefined)
    return { holder: createPolicyHolder({ file, cacheDirectory, onLoad }), holdsProcesses: () => true };
  const kernel = kernelHere();
  // A kernel that was told to be permissive holds nobody back.
  return { holder: createKernelHolder({ kernel, onLoad }), holdsProcesses: () => kernel.status().enforcing };
}
