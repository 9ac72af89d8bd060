import { hostName, operationId, vmName } from '../ids.ts';
import { limits } from '../limits.ts';
import { defaultsTo, fields, flag, integer, list, oneOf, pattern, type Shape, text } from '../schema/schema.ts';

/** The key-value buckets of a fleet. */
export const buckets = {
  /** VM name → ownerRecord: who alone may run it. */
  owners: 'carnet-owners',
  /** host name → hostRecord: what is known of a host. */
  hosts: 'carnet-hosts',
  /** `<client>.<job>` → a job, sealed by the scheduler. */
  jobs: 'carnet-jobs',
  /** `<client>.<job>` → its last runs. */
  runs: 'carnet-runs',
} as const;

/** Who alone may run a VM. Moved by compare-and-set only, signed by the host that wrote it. */
export const ownerRecord = fields({
  vm: vmName,
  owner: hostName,
  /** Grows by one whenever the right to run changes hands or is claimed anew. */
  epoch: integer(0, Number.MAX_SAFE_INTEGER),
  /** False once the owner has stopped the VM: then another host may claim it by restoring. */
  running: flag(),
  /** The operation that wrote the record. */
  operation: operationId,
});
export type OwnerRecord = Shape<typeof ownerRecord>;

/** A host as the others see it: where it is, and what it runs. Written when its broker starts. */
export const hostRecord = fields({
  host: hostName,
  address: pattern(/^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]{2,45})$/, 45, 'an IP address'),
  qemuVersion: text(64),
  accelerators: list(oneOf(['tcg', 'kvm']), 2),
  policyDigest: text(64),
  context: text(limits.labelBytes),
  startedAtMs: integer(0, Number.MAX_SAFE_INTEGER),
  confined: defaultsTo(flag(), false),
});
export type HostRecord = Shape<typeof hostRecord>;
