import { clientName, hostName, vmName } from '../ids.ts';
import { limits } from '../limits.ts';
import { fields, integer, list, maybe, oneOf, type Shape, text } from '../schema/schema.ts';

/**
 * What becomes of the guest's memory that is still on this host: it runs on from it, or is thrown away; `none` where there
 * is none.
 */
export const memoryChoice = oneOf(['keep', 'drop']);

/** The word that a host is off for good, and the epoch that was taken on it. */
export const fence = fields({
  host: hostName,
  /** Others that did not say whether they have the VM, and are off as well. */
  also: maybe(list(hostName, limits.hosts)),
  epoch: integer(1, Number.MAX_SAFE_INTEGER),
  by: clientName,
  atMs: integer(0, Number.MAX_SAFE_INTEGER),
});
export type Fence = Shape<typeof fence>;

/** How a VM whose host has died for good is taken over: by whom, from whom, in which epoch, and what that risks. */
export const recovery = fields({
  vm: vmName,
  host: hostName,
  /** The host that must be off for good. */
  fenced: hostName,
  /** The others that were asked and have nothing of it, and those that did not answer: these must be off as well. */
  heard: list(hostName, limits.hosts),
  silent: list(hostName, limits.hosts),
  /** `handover`: this host waits for its answer. `owner`: the VM is that host's. `let-go`: it was let go to that host. */
  about: oneOf(['handover', 'owner', 'let-go']),
  epoch: integer(1, Number.MAX_SAFE_INTEGER),
  memory: oneOf(['keep', 'drop', 'none']),
  risks: list(text(400), 8),
  /** What is the case afterwards. */
  afterwards: text(400),
});
export type Recovery = Shape<typeof recovery>;
