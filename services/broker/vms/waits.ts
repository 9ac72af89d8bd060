import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { HostName, VmName } from '../../../shared/ids.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import type { Waits } from '../../../shared/messages/view.ts';
import type { VmEntry } from './vms.ts';

/** What is known of a VM that may be waiting. */
export interface VmFacts {
  readonly vm: VmName;
  readonly host: HostName;
  readonly entry: Pick<VmEntry, 'epoch' | 'promisedTo'>;
  /** Why the operation under way for it does not go on. */
  readonly operation: Waits | undefined;
  /** Its QEMU is there and does not answer. */
  readonly silent: { readonly sinceMs: number | null; readonly attempts: number; readonly fault: Fault } | undefined;
  /** The owner record, or why it could not be read. */
  readonly record:
    | { readonly is: 'read'; readonly record: OwnerRecord | undefined }
    | { readonly is: 'fault'; readonly fault: Fault };
}

/** Why a VM waits, and what would help; nothing where it does not. What stands nearest to the guest goes first. */
export function vmWaits({ vm, host, entry, operation, silent, record }: VmFacts): Waits | undefined {
  const waits = (what: string, remedy: string, more: Partial<Waits> = {}): Waits => ({
    for: what,
    sinceMs: null,
    attempts: 0,
    nextAtMs: null,
    lastFault: null,
    stuck: false,
    remedy,
    ...more,
  });
  if (silent !== undefined) {
    const remedy = `it is spoken to until it answers; one that never does is to be ended on ${host}, and the VM is then a stopped one`;
    return waits('qemu', remedy, { sinceMs: silent.sinceMs, attempts: silent.attempts, lastFault: silent.fault });
  }
  if (operation !== undefined) return operation;
  if (record.is === 'fault') {
    const { fault } = record;
    return fault.code.startsWith('BUS_')
      ? waits('bus', 'bring the bus back; until then nothing begins that needs the owner record', { lastFault: fault })
      : waits('record', 'somebody has written an owner record that is not to be believed: look at the bus', {
          lastFault: fault,
          stuck: true,
        });
  }
  const { owner, epoch } = record.record ?? { owner: host, epoch: -1 };
  if (owner !== host && epoch > entry.epoch) {
    return waits('owner', `${owner} has it in a newer epoch: what is left of it here may be stopped`, { peer: owner });
  }
  if (epoch < entry.epoch) return waits('record', 'the bus has forgotten who owns it, and is told again by itself');
  if (entry.promisedTo !== undefined) {
    const remedy = `restore it on ${entry.promisedTo}; if that host has died for good: carnet vm recover ${vm} --fence-confirmed --host ${host}`;
    return waits('let-go', remedy, { peer: entry.promisedTo });
  }
  return undefined;
}
