import { BrokerError } from '../../shared/errors/broker-error.ts';

/** The kernel did not answer, or not in the form it has: `what` was asked, `errno` came back (`EBADMSG` for garbage). */
export function unavailable(what: string, errno: string): BrokerError {
  const hint = hints[errno];
  return new BrokerError('POLICY_UNAVAILABLE', `${what}: ${errno}`, hint === undefined ? {} : { hint });
}

/** The kernel has another policy, or other booleans, than those the question was put to. */
export function changed(seqno: number): BrokerError {
  return new BrokerError('POLICY_CHANGED', `the kernel's policy is no longer number ${seqno}`);
}

const hints: Readonly<Record<string, string>> = {
  EACCES: "the process's own domain needs the permission on class security, and the right to open selinuxfs",
  EPERM: 'the process may not do this',
  EBUSY: 'another process is reading the policy; ask again',
  ENOENT: 'is SELinux on, and a policy loaded?',
};
