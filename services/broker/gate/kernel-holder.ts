import type { Kernel } from '../../../policy/kernel/kernel.ts';
import type { KernelPolicy } from '../../../policy/kernel/kernel-policy.ts';
import type { Policy } from '../../../policy/policy.ts';
import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { PolicyHolder } from './policy-holder.ts';

/**
 * Holds the policy that the kernel of this host has: whatever is loaded into the kernel, and every boolean set there, is
 * in force here at once. Each is put on record before a decision is taken under it, and where that fails, or where the
 * broker's domain may not read the policy, so that no decision could name it, there is none.
 */
export function createKernelHolder(options: {
  readonly kernel: Pick<Kernel, 'current'>;
  /** Told of every policy the kernel has had a decision taken under. What is told first is on record first. */
  readonly onLoad: (outcome: { ok: boolean; seqno: number; digest?: string }) => Promise<void>;
}): PolicyHolder {
  const { kernel, onLoad } = options;
  /** The policy whose number and digest are, or are being, put on record. */
  let told: { readonly policy: KernelPolicy; readonly written: Promise<void> } | undefined;

  function inForce(): Policy {
    const policy = kernel.current();
    if (!isNamed(policy)) {
      throw new BrokerError('POLICY_UNAVAILABLE', "the kernel's policy may not be read, so no decision can name it", {
        hint: "allow the broker's domain `security { read_policy }`",
      });
    }
    if (policy !== told?.policy) {
      // A decision that is taken meanwhile is written after this to the same log, and fails with it.
      const written = onLoad({ ok: true, seqno: policy.seqno, digest: policy.digest });
      const telling = { policy, written };
      told = telling;
      written.catch(() => {
        if (told === telling) told = undefined;
      });
    }
    return policy;
  }

  return {
    current: inForce,
    /** The kernel needs no telling: answers with what is in force, once it is on record. */
    async reload() {
      try {
        const policy = inForce();
        await told?.written;
        return { ok: true, policy, warnings: [] };
      } catch (error) {
        const { code, message, hint } = faultOf(error);
        const known = new BrokerError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
        return { ok: false, error: known, diagnostics: [] };
      }
    },
  };
}

const isNamed = (policy: KernelPolicy): policy is Policy => policy.digest !== undefined;
