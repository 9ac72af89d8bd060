import { loadPolicyInWorker } from '../../../policy/compiled/load-in-worker.ts';
import type { Diagnostic, Loaded, Policy } from '../../../policy/policy.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';

/** What came of loading: the policy now in force, or why the one before it stays. */
export type Reloaded =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly error: BrokerError; readonly diagnostics: readonly Diagnostic[] };

export interface PolicyHolder {
  /** The policy in force; undefined until one was loaded. */
  current(): Policy | undefined;
  /** Loads the file again. Loads never overlap: each starts when the one before has ended. Never rejects. */
  reload(): Promise<Reloaded>;
}

/**
 * Holds the policy of a host. A new one replaces the old in one step, with the next sequence number, so that a decision
 * is taken under the one or under the other. Where the new one does not load, the old one stays in force, as in the kernel:
 * `reload` answers POLICY_INVALID and the operator's change has visibly not happened, whereas refusing everything would
 * turn a typing error into VMs that nobody can stop. A host that never loaded a policy refuses everything.
 * Policies are compiled on a thread of their own, so that decisions go on meanwhile under the one in force.
 */
export function createPolicyHolder(options: {
  /** The path of the policy: kernel policy language or binary. */
  readonly file: string;
  /** Where compiled policies are kept, so that the same one need not be compiled again; nowhere unless given. */
  readonly cacheDirectory?: string;
  /** Told of every load before the policy is in force, so that it is on record first; a rejection keeps the old one. */
  readonly onLoad?: (outcome: { ok: boolean; seqno: number; digest?: string }) => Promise<void>;
  readonly load?: (file: string, options: { seqno: number; cacheDirectory?: string | undefined }) => Promise<Loaded>;
}): PolicyHolder {
  const { file, cacheDirectory, onLoad, load = loadPolicyInWorker } = options;
  let current: Policy | undefined;
  let running: Promise<unknown> = Promise.resolve();

  async function loadOnce(): Promise<Reloaded> {
    const before = current?.seqno ?? 0;
    try {
      const loaded = await load(file, { seqno: before + 1, cacheDirectory });
      if (!loaded.ok) {
        await onLoad?.({ ok: false, seqno: before });
        return { ok: false, error: invalid(file, loaded.diagnostics), diagnostics: loaded.diagnostics };
      }
      await onLoad?.({ ok: true, seqno: loaded.policy.seqno, digest: loaded.policy.digest });
      current = loaded.policy;
      return { ok: true, policy: loaded.policy, warnings: loaded.warnings };
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      return { ok: false, error: new BrokerError('POLICY_INVALID', `${file}: ${said}`, { cause }), diagnostics: [] };
    }
  }

  return {
    current: () => current,
    reload() {
      const next = running.then(loadOnce);
      running = next;
      return next;
    },
  };
}

function invalid(file: string, diagnostics: readonly Diagnostic[]): BrokerError {
  const first = diagnostics.find(({ severity }) => severity === 'error') ?? diagnostics[0];
  const where = first === undefined ? file : `${first.file}:${first.line}:${first.column}: ${first.message}`;
  return new BrokerError('POLICY_INVALID', where, first?.hint === undefined ? {} : { hint: first.hint });
}
