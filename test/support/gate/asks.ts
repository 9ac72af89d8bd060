import type { HostFacts } from '../../../services/broker/gate/questions/question.ts';
import type { GateAsk, OpenImage } from '../../../services/broker/runtime/ports.ts';
import type { ImageName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';

/** The contexts of the demo, by the letters of the specification. */
export const contexts = {
  operator: 'operator_u:operator_r:carnet_operator_t:s0-s3:c0.c1023' as Label,
  monitor: 'monitor_u:monitor_r:carnet_monitor_t:s0-s3:c0.c1023' as Label,
  intruder: 'intruder_u:intruder_r:carnet_intruder_t:s0' as Label,
  broker: 'system_u:system_r:carnet_t:s0-s3:c0.c1023' as Label,
  peer: 'system_u:system_r:beta_host_t:s0-s3:c0.c1023' as Label,
  vm: 'operator_u:operator_r:vm_user_t:s0:c1,c2' as Label,
  disk: 'system_u:object_r:qemu_virtdisk_t:s0:c1,c2' as Label,
  kernel: 'system_u:object_r:qemu_kernel_t:s0' as Label,
  store: 'system_u:object_r:carnet_store_t:s0' as Label,
  state: 'operator_u:object_r:vm_user_state_t:s0:c1,c2' as Label,
};

export const hostFacts: HostFacts = {
  label: contexts.broker,
  store: contexts.store,
  confined: true,
  mustConfine: true,
  enforcing: true,
};

/** An image as the gate gets it. */
export function image(
  name: string,
  label: Label,
  spec: Partial<OpenImage['spec']> = {},
): Pick<OpenImage, 'spec' | 'label'> {
  return { spec: { name: name as ImageName, role: 'disk', format: 'raw', readonly: false, ...spec }, label };
}

/** A disk the VM writes, and a kernel. */
export const images = [image('disk.raw', contexts.disk), image('vmlinuz', contexts.kernel, { role: 'kernel' })];

type Action = GateAsk['action'];

/** The operator asks for something with the VM of the demo. */
export function asks<A extends Action>(action: A): GateAsk & { action: A } {
  const { operator: client, vm: label, peer, state: stateLabel } = contexts;
  const full = { action, client, label, peer, stateLabel, images };
  const fieldsOf: Record<Action, readonly (keyof typeof full)[]> = {
    start: ['images'],
    define: ['images'],
    delete: ['label'],
    stop: ['label'],
    suspend: ['label'],
    resume: ['label'],
    monitor: ['label'],
    recover: ['label'],
    save: ['label'],
    restore: ['label', 'stateLabel', 'peer', 'images'],
    drain: [],
    'migrate-out': ['label', 'peer'],
    'migrate-in': ['label', 'peer', 'images'],
  };
  const names = ['action', 'client', ...fieldsOf[action]] as const;
  return Object.fromEntries(names.map((name) => [name, full[name]])) as unknown as GateAsk & { action: A };
}
