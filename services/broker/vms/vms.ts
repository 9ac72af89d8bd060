import { BrokerError, type Fault } from '../../../shared/errors/broker-error.ts';
import { checkpointId, hostName, operationId, type VmName } from '../../../shared/ids.ts';
import { label } from '../../../shared/label/label.ts';
import { fence } from '../../../shared/messages/recovery.ts';
import { fields, integer, maybe, nullable, type Shape } from '../../../shared/schema/schema.ts';
import type { Store } from '../../../shared/store/store.ts';
import { accelerator, vmSpec } from '../../../shared/vm/spec.ts';
import type { VmEvent, VmProcess } from '../runtime/ports.ts';

/** What this host knows of a VM that belongs to it. */
export const vmEntry = fields({
  spec: vmSpec,
  /** The label it runs or last ran in; before its first start, the one it would have had when it was defined. */
  label,
  epoch: integer(0, Number.MAX_SAFE_INTEGER),
  accelerator: nullable(accelerator),
  /** The checkpoint whose memory it maps, while it runs. */
  mapped: nullable(checkpointId),
  /** The host it was let go to while it was stopped: only that one may claim it now. */
  promisedTo: maybe(hostName),
  /** The operation that took it over from an owner that let it go, written down before the record was. */
  claimedBy: maybe(operationId),
  /** It was taken over from a host that is off for good, on this word. */
  fence: maybe(fence),
});
export type VmEntry = Shape<typeof vmEntry>;

/** The VMs of this host: what they are, and the QEMUs that run them. */
export interface Vms {
  get(vm: VmName): VmEntry | undefined;
  /** VM_UNKNOWN where this host has no such VM. */
  need(vm: VmName): VmEntry;
  list(): VmEntry[];
  put(entry: VmEntry): Promise<void>;
  /** Forgets the VM; the epoch it was in is still known. */
  remove(vm: VmName): Promise<void>;
  /** Forgets the VM as if it had never been. */
  erase(vm: VmName): Promise<void>;
  /** The highest epoch this host knows of, of a VM that is or was its own; 0 where it never was. */
  epochOf(vm: VmName): number;
  /** This host gives a VM away in that epoch: a record of an older one is not believed any more. */
  giveAway(vm: VmName, epoch: number): Promise<void>;
  /** The QEMU of a VM, where there is one. QEMU_TIMEOUT where there is one that could not be spoken to. */
  process(vm: VmName): VmProcess | undefined;
  /** VM_STATE where no QEMU runs. */
  needProcess(vm: VmName): VmProcess;
  /** When the guest was last stopped, by the host's clock; what a pause is counted from. */
  stoppedAtMs(vm: VmName): number | undefined;
  /** Takes a QEMU in: its events are heard from now on. */
  attach(process: VmProcess): void;
  /** There is a QEMU and it does not answer: until it does, nothing is done about its VM. */
  markSilent(vm: VmName, fault: Fault, nowMs: number): void;
  /** Since when a QEMU has not answered, and how often it was spoken to. */
  silent(vm: VmName): Silence | undefined;
  /** Forgets a QEMU that is gone, or was silent. */
  detach(vm: VmName): void;
}

/** A QEMU that does not answer. */
export interface Silence {
  readonly sinceMs: number;
  readonly attempts: number;
  readonly fault: Fault;
}

interface Attached {
  readonly process: VmProcess;
  stop: () => void;
  stoppedAtMs?: number;
}

/** `onEvent` hears every event of every attached QEMU. */
export function createVms(store: Store, onEvent: (vm: VmName, event: VmEvent) => void): Vms {
  const table = store.table<VmEntry>('vms', vmEntry);
  const epochs = store.table<number>('epochs', integer(0, Number.MAX_SAFE_INTEGER));
  const processes = new Map<VmName, Attached>();
  const silences = new Map<VmName, Silence>();
  const epochOf = (vm: VmName) => epochs.get(vm) ?? 0;

  const vms: Vms = {
    get: (vm) => table.get(vm),
    need(vm) {
      const entry = table.get(vm);
      if (entry === undefined) throw new BrokerError('VM_UNKNOWN', `${vm} does not belong to this host`);
      return entry;
    },
    list: () => table.entries().map(({ value }) => value),
    async put(entry) {
      const vm = entry.spec.name;
      store.transaction(() => {
        table.put(vm, entry);
        if (entry.epoch > epochOf(vm)) epochs.put(vm, entry.epoch);
      });
      await store.flushed();
    },
    async remove(vm) {
      table.remove(vm);
      await store.flushed();
    },
    async erase(vm) {
      store.transaction(() => {
        table.remove(vm);
        epochs.remove(vm);
      });
      await store.flushed();
    },
    epochOf,
    async giveAway(vm, epoch) {
      if (epoch > epochOf(vm)) epochs.put(vm, epoch);
      await store.flushed();
    },
    process(vm) {
      if (silences.has(vm)) throw new BrokerError('QEMU_TIMEOUT', `the QEMU of ${vm} is there and does not answer`);
      return processes.get(vm)?.process;
    },
    needProcess(vm) {
      const process = vms.process(vm);
      if (process === undefined) throw new BrokerError('VM_STATE', `${vm} is not running`);
      return process;
    },
    stoppedAtMs: (vm) => processes.get(vm)?.stoppedAtMs,
    attach(process) {
      vms.detach(process.vm);
      const attached: Attached = { process, stop: () => {} };
      attached.stop = process.onEvent((event) => {
        if (event.kind === 'stopped') attached.stoppedAtMs = event.atMs;
        onEvent(process.vm, event);
      });
      processes.set(process.vm, attached);
    },
    markSilent(vm, fault, nowMs) {
      const { sinceMs = nowMs, attempts = 0 } = silences.get(vm) ?? {};
      silences.set(vm, { sinceMs, attempts: attempts + 1, fault });
    },
    silent: (vm) => silences.get(vm),
    detach(vm) {
      silences.delete(vm);
      processes.get(vm)?.stop();
      processes.delete(vm);
    },
  };
  return vms;
}
