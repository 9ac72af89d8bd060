import type { AccessVector, Computed, Explanation, Policy, Validation } from '../policy.ts';
import { askAccess, askCanonical, askComputed, askValidation, type ContextFile } from './ask.ts';
import { namesOf } from './class-table.ts';
import { unavailable } from './faults.ts';
import type { Snapshot } from './snapshot.ts';
import { encodeFileName, isContextForm } from './text.ts';

/** Loads the kernel's own binary policy, so that its rules can be named; undefined where it cannot. */
export type ReadRules = (policy: Uint8Array, seqno: number) => Policy | undefined;

/**
 * The questions of policy.ts, put to the kernel. Faults of the kernel are thrown (BrokerError POLICY_UNAVAILABLE), and
 * once the kernel has another policy every question throws POLICY_CHANGED: no answer of an older one is ever given.
 * `digest` is of the policy as the kernel writes it, booleans included; undefined where it may not be read.
 */
export type KernelPolicy = Omit<Policy, 'digest'> & { readonly digest: string | undefined };

/**
 * A policy over a snapshot. The kernel says what, never why: explanations, `hasTypeRule` and `withBooleans` come from
 * `readRules`, which is called at the first of them. Without it, or where the policy may not be read, a denial has no
 * reason unless class, permission or context is the reason, and the other two throw POLICY_UNAVAILABLE. Where the rules
 * say otherwise than the kernel, its answer stands and has no explanation.
 */
export function createKernelPolicy(snapshot: Snapshot, readRules?: ReadRules): KernelPolicy {
  const { fs, seqno, booleans, digest, kernelContext, whileInForce, classOf } = snapshot;
  const rules = lazily(() => (digest === undefined ? undefined : readRules?.(snapshot.readPolicy(), seqno)));
  const rulesOrThrow = (what: string): Policy => {
    const found = rules();
    if (found === undefined) throw unavailable(`${what} cannot be told without the rules of the policy`, 'ENOTSUP');
    return found;
  };
  const isValid = (context: string): boolean => askCanonical(fs, context) !== undefined;

  /** The kernel says EINVAL for a context that is not valid. When all are valid it does not say what it does not like. */
  const someInvalid = (contexts: readonly string[]): boolean => !contexts.every(isValid);

  /** EACCES is said of an invalid result, and of a process that may not ask: a question with a valid result tells. */
  const mayAsk = (file: ContextFile, tclass: number): boolean =>
    askComputed(fs, file, [kernelContext, kernelContext, tclass]).kind !== 'refused';

  const compute = (file: ContextFile, scontext: string, tcontext: string, tclass: string, name?: string): Computed => {
    const datum = classOf(tclass);
    const askable = datum !== undefined && isContextForm(scontext) && isContextForm(tcontext);
    const encoded = name === undefined ? undefined : encodeFileName(name);
    const words = [scontext, tcontext, datum?.number ?? 0, ...(encoded === undefined ? [] : [encoded])];
    const reply = askable ? askComputed(fs, file, words) : ({ kind: 'invalid' } as const);
    if (reply.kind === 'context') {
      // A permissive kernel gives an invalid result as if it were one.
      const valid = askCanonical(fs, reply.context) === reply.context;
      return valid
        ? { ok: true, context: reply.context }
        : { ok: false, reason: 'INVALID_RESULT', context: reply.context };
    }
    if (!isValid(scontext)) return { ok: false, reason: 'INVALID_SOURCE' };
    if (!isValid(tcontext)) return { ok: false, reason: 'INVALID_TARGET' };
    if (datum === undefined) return { ok: false, reason: 'UNKNOWN_CLASS' };
    if (reply.kind === 'refused' && !mayAsk(file, datum.number)) {
      throw unavailable(`the kernel does not answer questions about ${file}`, 'EACCES');
    }
    return { ok: false, reason: 'INVALID_RESULT' };
  };

  const computeAv = (scontext: string, tcontext: string, tclass: string): AccessVector => {
    const datum = classOf(tclass);
    const nothing = {
      allowed: [],
      auditallow: [],
      auditdeny: [...(datum?.perms.keys() ?? [])],
      seqno,
      permissive: false,
    };
    if (datum === undefined || !isContextForm(scontext) || !isContextForm(tcontext)) return nothing;
    const answer = askAccess(fs, [scontext, tcontext, datum.number]);
    if (answer === undefined) {
      if (!someInvalid([scontext, tcontext])) throw unavailable('no access vector for valid contexts', 'EINVAL');
      return nothing;
    }
    return {
      allowed: namesOf(datum, answer.allowed),
      auditallow: namesOf(datum, answer.auditallow),
      auditdeny: namesOf(datum, answer.auditdeny),
      seqno,
      permissive: answer.permissive,
    };
  };

  const validate = (before: string, after: string, task: string, tclass: string): Validation => {
    const datum = classOf(tclass);
    if (datum === undefined) return { ok: false, reason: 'UNKNOWN' };
    const contexts = [before, after, task];
    const words = [before, after, datum.number, task];
    const holds = contexts.every(isContextForm) ? askValidation(fs, words) : undefined;
    if (holds !== undefined) return holds ? { ok: true } : { ok: false, reason: 'CONS' };
    if (!someInvalid(contexts)) throw unavailable('no validation between valid contexts', 'EINVAL');
    return { ok: false, reason: 'INVALID' };
  };

  const declares = (tclass: string, perms: readonly string[]): boolean => {
    const datum = classOf(tclass);
    return datum !== undefined && perms.every((perm) => datum.perms.has(perm));
  };

  const explain = (scontext: string, tcontext: string, tclass: string, perm: string): Explanation => {
    if (!declares(tclass, [perm])) return { allowed: false, granting: [], reason: 'UNKNOWN' };
    const allowed = computeAv(scontext, tcontext, tclass).allowed.includes(perm);
    if (!allowed && someInvalid([scontext, tcontext])) return { allowed, granting: [], reason: 'INVALID' };
    const explained = rules()?.explain(scontext, tcontext, tclass, perm);
    return explained?.allowed === allowed ? explained : { allowed, granting: [] };
  };

  return {
    digest,
    seqno,
    mls: kernelContext.split(':').length > 3,
    booleans,
    declares: (...asked) => whileInForce(() => declares(...asked)),
    canonical: (context) => whileInForce(() => askCanonical(fs, context)),
    computeAv: (...asked) => whileInForce(() => computeAv(...asked)),
    computeTransition: (...asked) => whileInForce(() => compute('create', ...asked)),
    computeChange: (...asked) => whileInForce(() => compute('relabel', ...asked)),
    computeMember: (...asked) => whileInForce(() => compute('member', ...asked)),
    validateTransition: (...asked) => whileInForce(() => validate(...asked)),
    explain: (...asked) => whileInForce(() => explain(...asked)),
    hasTypeRule: (...asked) => whileInForce(() => rulesOrThrow('whether a rule matches').hasTypeRule(...asked)),
    withBooleans: (values, nextSeqno) =>
      whileInForce(() => {
        const unknown = Object.keys(values).find((name) => !booleans.has(name));
        if (unknown !== undefined) throw new RangeError(`unknown boolean \`${unknown}\``);
        return rulesOrThrow('what other booleans would change').withBooleans(values, nextSeqno);
      }),
  };
}

/** Calls once, at the first use. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
