import type { Policy } from '../../../policy/policy.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { DecidedAbout, Gate, GateAsk } from '../runtime/ports.ts';
import { no } from './answer.ts';
import { computeLabel } from './compute-label.ts';
import { decide, refusedBy, type Verdict } from './decide.ts';
import type { HostFacts } from './questions/question.ts';

/** Where decisions are written. `write` resolves when the record would survive a power cut. */
export interface DecisionLog {
  write(decision: Decision, about: DecidedAbout): Promise<void>;
}

export interface GateOptions {
  /** The policy in force at this moment; undefined refuses everything, and so does a throw, with what it says. */
  readonly policy: () => Policy | undefined;
  /** The host's name, as it stands in decisions. */
  readonly host: string;
  readonly hostLabel: Label;
  readonly storeLabel: Label;
  /** True where processes started at this moment are held in the domain of their label. */
  readonly confined: () => boolean;
  /** True refuses to run a VM whose process cannot be confined. */
  readonly mustConfine: boolean;
  /** False records what policy refuses without acting on it; such a host takes in no state. */
  readonly enforcing: boolean;
  readonly clock: Clock;
  readonly audit: DecisionLog;
  /** How long the audit log may take. A decision that is not on record by then is a refusal. */
  readonly auditTimeoutMs?: number;
}

/** The digest in a decision that was taken without a policy. */
export const noPolicyDigest = '0'.repeat(64);

/**
 * The policy point of a host: takes a decision, has it written down, and only then answers. Never rejects: what goes
 * wrong on the way is a refusal with its reason.
 */
export function createGate(options: GateOptions): Gate {
  return {
    async decide(ask, moment, about) {
      const { verdict, policy } = verdictOn(ask, options);
      const decision = decisionOf(ask, moment, verdict, policy, options);
      try {
        await within(options.auditTimeoutMs ?? 5_000, options.clock, options.audit.write(decision, about));
        return decision;
      } catch (error) {
        return notOnRecord(decision, error);
      }
    },

    stateLabel(label) {
      try {
        const policy = options.policy();
        return policy && computeLabel(policy, { from: 'store', vm: label, store: options.storeLabel }).label;
      } catch {
        return undefined;
      }
    },
  };
}

/** How often a decision is taken anew because the policy was replaced before it was complete. */
const attemptsMax = 3;

/** The verdict of one policy: every question is put to the same. Never throws. */
function verdictOn(ask: GateAsk, options: GateOptions): { readonly verdict: Verdict; readonly policy?: Policy } {
  for (let attempt = 1; ; attempt++) {
    try {
      const facts: HostFacts = {
        label: options.hostLabel,
        store: options.storeLabel,
        confined: options.confined(),
        mustConfine: options.mustConfine,
        enforcing: options.enforcing,
      };
      const policy = options.policy();
      const verdict = decide(ask, policy, facts);
      if (verdict.overtaken !== true || attempt === attemptsMax) {
        return { verdict, ...(policy === undefined ? {} : { policy }) };
      }
    } catch (error) {
      return { verdict: refusedBy(error) };
    }
  }
}

function decisionOf(
  ask: GateAsk,
  moment: Decision['moment'],
  verdict: Verdict,
  policy: Policy | undefined,
  { host, enforcing, clock }: GateOptions,
): Decision {
  return {
    outcome: verdict.outcome,
    moment,
    action: ask.action,
    ...(verdict.label === undefined ? {} : { label: verdict.label }),
    questions: [...verdict.questions],
    policy: { digest: policy?.digest ?? noPolicyDigest, seqno: policy?.seqno ?? 0, enforcing },
    host,
    decidedAtMs: clock.nowMs(),
  };
}

function notOnRecord(decision: Decision, error: unknown): Decision {
  const said = error instanceof Error ? error.message : String(error);
  const unwritten = no(
    { kind: 'valid', why: 'the decision is on record before it takes effect', asked: `audit log: ${said}` },
    { reason: 'ENGINE' },
  );
  return { ...decision, outcome: 'refused', questions: [...decision.questions, unwritten] };
}

async function within<T>(delayMs: number, clock: Clock, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(delayMs, () => late.reject(new Error(`no answer within ${delayMs} ms`)));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}
