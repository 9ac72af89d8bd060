import { unavailable } from './faults.ts';
import type { Reply, Selinuxfs } from './selinuxfs.ts';
import { type AccessAnswer, isContextForm, parseAccess, parseContext, requestOf } from './text.ts';

/** The files that compute a context: for a new object, a relabelled one, a member of a set. */
export type ContextFile = 'create' | 'relabel' | 'member';

/**
 * The kernel's access vector, or undefined where it takes a context or the class for invalid.
 * @throws BrokerError POLICY_UNAVAILABLE for every other answer.
 */
export function askAccess(fs: Selinuxfs, words: readonly (string | number)[]): AccessAnswer | undefined {
  const reply = transact(fs, 'access', words);
  if (!reply.ok && reply.errno === 'EINVAL') return undefined;
  if (!reply.ok) throw unavailable('an access vector cannot be had', reply.errno);
  const answer = parseAccess(reply.value);
  if (answer === undefined) throw unavailable('an access vector is not one', 'EBADMSG');
  return answer;
}

/**
 * A context in the kernel's spelling, or undefined for one that is not valid.
 * @throws BrokerError POLICY_UNAVAILABLE for every other answer.
 */
export function askCanonical(fs: Selinuxfs, context: string): string | undefined {
  if (!isContextForm(context)) return undefined;
  const reply = transact(fs, 'context', [context]);
  if (!reply.ok && reply.errno === 'EINVAL') return undefined;
  return contextIn(reply);
}

/** A computed context as the kernel says it, `invalid` where it says EINVAL, `refused` for EACCES. */
type ComputedReply = { readonly kind: 'context'; readonly context: string } | { readonly kind: 'invalid' | 'refused' };

/** Has a context computed. @throws BrokerError POLICY_UNAVAILABLE for every answer that is not one of the three. */
export function askComputed(fs: Selinuxfs, file: ContextFile, words: readonly (string | number)[]): ComputedReply {
  const reply = transact(fs, file, words);
  if (!reply.ok && reply.errno === 'EINVAL') return { kind: 'invalid' };
  if (!reply.ok && reply.errno === 'EACCES') return { kind: 'refused' };
  return { kind: 'context', context: contextIn(reply) };
}

/** Whether every validatetrans rule holds; undefined where the kernel takes a context or the class for invalid. */
export function askValidation(fs: Selinuxfs, words: readonly (string | number)[]): boolean | undefined {
  const request = requestOf(words);
  const reply: Reply<undefined> =
    request === undefined ? { ok: false, errno: 'EINVAL' } : fs.write('validatetrans', request);
  if (reply.ok) return true;
  if (reply.errno === 'EPERM') return false;
  if (reply.errno === 'EINVAL') return undefined;
  throw unavailable('a change of label cannot be validated', reply.errno);
}

function contextIn(reply: Reply<string>): string {
  if (!reply.ok) throw unavailable('a context cannot be had', reply.errno);
  const context = parseContext(reply.value);
  if (context === undefined) throw unavailable('a context is not one', 'EBADMSG');
  return context;
}

/** What is too long to ask is not valid in any policy. */
function transact(fs: Selinuxfs, file: string, words: readonly (string | number)[]): Reply<string> {
  const request = requestOf(words);
  return request === undefined ? { ok: false, errno: 'EINVAL' } : fs.transact(file, request);
}
