import type { CheckpointId, ClientName, HostName, ImageName, OperationId, VmName } from '../../shared/ids.ts';
import type { Label } from '../../shared/label/label.ts';
import { check } from '../../shared/schema/schema.ts';
import type { Carnet } from '../../shared/vm/carnet.ts';
import type { Decision } from '../../shared/vm/decision.ts';
import { type VmSpec, vmSpec } from '../../shared/vm/spec.ts';

/** Small valid values, for tests that need one and do not care which. */
export const vmId = (name: string) => name as VmName;
export const hostId = (name: string) => name as HostName;
export const clientId = (name: string) => name as ClientName;
export const labelOf = (text: string) => text as Label;
const tail = (n: number) => n.toString().padStart(26, '0');
export const operationIdOf = (n: number) => `op-${tail(n)}` as OperationId;
export const checkpointIdOf = (n: number) => `cp-${tail(n)}` as CheckpointId;

export const poolId = '11111111-2222-4333-8444-555555555555';

export function specOf(name: string, changes: Partial<VmSpec> = {}): VmSpec {
  const checked = check(vmSpec, {
    name,
    uuid: '00000000-0000-4000-8000-000000000001',
    memoryMiB: 64,
    images: [{ name: `${name}.qcow2`, role: 'disk', format: 'qcow2' }],
    ...changes,
  });
  if (!checked.ok) throw new Error(checked.problems.join('; '));
  return checked.value;
}

export const decisionOf = (outcome: Decision['outcome'], changes: Partial<Decision> = {}): Decision => ({
  outcome,
  moment: 'request',
  action: 'start',
  label: labelOf('system_u:system_r:vm_user_t:s0'),
  questions: [],
  policy: { digest: '0'.repeat(64), seqno: 1, enforcing: true },
  host: 'alpha',
  decidedAtMs: 0,
  ...changes,
});

export const carnetFor = (name: string, host = 'alpha', epoch = 1): Carnet => ({
  version: 1,
  spec: specOf(name),
  label: labelOf('system_u:system_r:vm_user_t:s0'),
  images: [
    {
      spec: { name: `${name}.qcow2` as ImageName, role: 'disk', format: 'qcow2', readonly: false },
      label: labelOf('system_u:object_r:qemu_virtdisk_t:s0'),
      sizeBytes: 1024,
      pool: poolId,
    },
  ],
  accelerator: 'tcg',
  host: hostId(host),
  epoch,
  policyDigest: '0'.repeat(64),
});
