import type { AccessVector, Policy } from '../policy.ts';
import { type AvcClass, type AvcContext, internClasses, internContexts } from './interned.ts';
import { ALLOWED, AUDITALLOW, AUDITDENY, createVectorCache, PERMISSIVE, type VectorBits } from './vector-cache.ts';

/** Who computes what the cache does not have: a loaded policy, or a running kernel's. */
export type AvcSource = Pick<Policy, 'seqno' | 'declares' | 'computeAv'>;

/** How much an AVC remembers: access vectors, and texts of contexts. */
export interface AvcOptions {
  readonly entriesMax?: number;
  readonly contextsMax?: number;
}

/**
 * An access vector cache, with libselinux's rule of invalidation (avc.c): a sequence number above the latest one seen
 * forgets everything, and an answer with one below it is neither kept nor given. So no decision of an older policy is
 * given once a newer one is in force. Classes and permissions are mapped by name, as selinux_set_mapping does; what the
 * policy does not declare is not allowed.
 */
export interface Avc {
  /** The latest sequence number seen. They count from 1; it is 0 before the first. */
  readonly seqno: number;
  /** Puts a policy in force, in one step. False, and nothing changed, when it is older than what was seen, or in force. */
  install(source: AvcSource): boolean;
  context(text: string): AvcContext;
  tclass(name: string, perms: readonly string[]): AvcClass;
  /**
   * True when all of `perms` (bits of the class, at least one) are allowed. False too without a policy, and where the
   * policy in force is older than an answer that was seen.
   */
  has(source: AvcContext, target: AvcContext, tclass: AvcClass, perms: number): boolean;
  /** The vectors themselves, for audit; undefined where `has` would not know. */
  vector(source: AvcContext, target: AvcContext, tclass: AvcClass): VectorBits | undefined;
  /** Keeps an answer that was computed elsewhere, in a worker for instance. False when it is outdated. */
  insert(source: AvcContext, target: AvcContext, tclass: AvcClass, answer: AccessVector): boolean;
}

export function createAvc({ entriesMax = 8192, contextsMax = 16_384 }: AvcOptions = {}): Avc {
  const cache = createVectorCache(entriesMax);
  const { words } = cache;
  let inForce: AvcSource | undefined;
  let latest = 0;

  const notice = (seqno: number): boolean => {
    if (seqno > latest) {
      cache.flush();
      latest = seqno;
    }
    return seqno === latest && seqno > 0;
  };
  /** Where the answer stands in the cache, or -1 when it is outdated. */
  const keep = (source: AvcContext, target: AvcContext, tclass: AvcClass, answer: AccessVector): number =>
    notice(answer.seqno) ? cache.insert(source.id, target.id, tclass.id, bitsOf(answer, tclass, inForce)) : -1;
  const compute = (source: AvcContext, target: AvcContext, tclass: AvcClass): number =>
    inForce === undefined ? -1 : keep(source, target, tclass, inForce.computeAv(source.text, target.text, tclass.name));

  return {
    get seqno() {
      return latest;
    },
    install(source) {
      if (source.seqno < Math.max(1, latest) || source.seqno === inForce?.seqno) return false;
      inForce = source;
      return notice(source.seqno);
    },
    context: internContexts(contextsMax),
    tclass: internClasses(),
    has(source, target, tclass, perms) {
      let at = cache.find(source.id, target.id, tclass.id);
      if (at < 0) at = compute(source, target, tclass);
      return at >= 0 && perms !== 0 && ((words[at + ALLOWED] as number) & perms) === perms;
    },
    vector(source, target, tclass) {
      let at = cache.find(source.id, target.id, tclass.id);
      if (at < 0) at = compute(source, target, tclass);
      if (at < 0) return undefined;
      return {
        allowed: words[at + ALLOWED] as number,
        auditallow: words[at + AUDITALLOW] as number,
        auditdeny: words[at + AUDITDENY] as number,
        permissive: words[at + PERMISSIVE] === 1,
      };
    },
    insert: (source, target, tclass, answer) => keep(source, target, tclass, answer) >= 0,
  };
}

/** The answer as bits of the class. The refusal of what the policy does not declare is always audited. */
function bitsOf(answer: AccessVector, { name, perms }: AvcClass, policy: AvcSource | undefined): VectorBits {
  const bitsWhere = (is: (perm: string) => boolean): number =>
    perms.reduce((bits, perm, index) => (is(perm) ? bits | (1 << index) : bits), 0);
  const bits = (names: readonly string[]): number => bitsWhere((perm) => names.includes(perm));
  return {
    allowed: bits(answer.allowed),
    auditallow: bits(answer.auditallow),
    auditdeny: bits(answer.auditdeny) | bitsWhere((perm) => policy?.declares(name, [perm]) === false),
    permissive: answer.permissive,
  };
}
