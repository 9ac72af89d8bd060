import { faultOf } from '../../../shared/errors/broker-error.ts';
import type { VmName } from '../../../shared/ids.ts';
import type { World } from '../effects/world.ts';
import { afterEnd } from '../requests/control.ts';
import type { OperationRecord } from '../runtime/kind.ts';
import type { VmEvent, VmProcess } from '../runtime/ports.ts';
import type { Runner } from '../runtime/runner.ts';

/**
 * Finds the QEMUs of an earlier broker again. A VM whose QEMU ended while nobody looked is marked as stopped, unless an
 * operation of the journal knows more about it.
 */
export async function adoptRunning(world: World, openVms: ReadonlySet<VmName>): Promise<void> {
  const { vms, vmm, log } = world;
  const names = new Set([...vms.list().map(({ spec }) => spec.name), ...openVms]);
  for (const vm of names) {
    let process: VmProcess | undefined;
    try {
      process = await vmm.adopt(vm);
    } catch (error) {
      // One QEMU that does not answer is left as it is, and keeps no other VM from being served.
      log.error('a QEMU could not be taken over', { vm, fault: faultOf(error) });
      continue;
    }
    if (process !== undefined) {
      vms.attach(process);
      log.info('QEMU found again', { vm, pid: process.pid });
    } else if (!openVms.has(vm)) {
      await afterEnd(world, vm).catch((error: unknown) =>
        log.warn('a stopped VM could not be marked', { vm, fault: faultOf(error) }),
      );
    }
  }
}

/**
 * Forgets VMs that another host has claimed while they were stopped here: a restore elsewhere moves the record, and what
 * this host knew of the VM is history then. A VM that runs here or is being worked on is never touched.
 */
export async function followOwners(world: World, runner: Runner): Promise<() => void> {
  const { vms, ownership, host, log } = world;
  return ownership.watch(
    (vm) =>
      void forgetIfClaimed(vm).catch((error: unknown) =>
        log.warn('an owner record could not be followed', { vm, fault: faultOf(error) }),
      ),
  );

  async function forgetIfClaimed(vm: VmName): Promise<void> {
    if (vms.get(vm) === undefined || vms.process(vm) !== undefined || runner.activeOf(vm) !== undefined) return;
    if (!(await isClaimedElsewhere(vm))) return;
    // Held only where there is something to forget, so that following a record stands in nobody's way; and looked at again.
    const release = runner.hold(vm);
    try {
      if (vms.process(vm) !== undefined || !(await isClaimedElsewhere(vm))) return;
      await vms.remove(vm);
      log.info('the VM belongs to another host now', { vm });
    } finally {
      release();
    }
  }

  async function isClaimedElsewhere(vm: VmName): Promise<boolean> {
    const found = await ownership.read(vm);
    const entry = vms.get(vm);
    if (found === undefined || entry === undefined) return false;
    // An older record, put back by whoever keeps the bucket, takes nothing away.
    return found.record.owner !== host && found.record.epoch > entry.epoch;
  }
}

/**
 * QEMU spoke while no broker was there to listen. What it would have said last is told to the operations that go on from
 * the journal: how its migration stands, or that it is gone.
 */
export async function hearWhatWasMissed(
  { vms, log, clock }: World,
  runner: Runner,
  open: readonly OperationRecord[],
): Promise<void> {
  for (const { vm } of open) {
    const process = vms.process(vm);
    try {
      const event: VmEvent =
        process === undefined
          ? { kind: 'exited', detail: 'it was gone when the broker came back' }
          : { kind: 'migration', status: (await process.figures()).status, atMs: clock.nowMs() };
      runner.deliverVmEvent(vm, event);
    } catch (error) {
      log.warn('QEMU does not say how its migration stands', { vm, fault: faultOf(error) });
    }
  }
}
