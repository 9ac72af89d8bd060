import type { Bucket } from '../../../shared/bus/bus.ts';
import { faultOf } from '../../../shared/errors/broker-error.ts';
import { type VmName, vmName } from '../../../shared/ids.ts';
import { check } from '../../../shared/schema/schema.ts';
import type { World } from '../effects/world.ts';
import { afterEnd } from '../requests/control.ts';
import type { Runner } from '../runtime/runner.ts';

/**
 * Finds the QEMUs of an earlier broker again. A VM whose QEMU ended while nobody looked is marked as stopped, unless an
 * operation of the journal knows more about it.
 */
export async function adoptRunning(world: World, openVms: ReadonlySet<VmName>): Promise<void> {
  const { vms, vmm, log } = world;
  const names = new Set([...vms.list().map(({ spec }) => spec.name), ...openVms]);
  for (const vm of names) {
    const process = await vmm.adopt(vm);
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
export async function followOwners(world: World, runner: Runner, owners: Bucket): Promise<() => void> {
  const { vms, ownership, host, log } = world;
  return owners.watch(({ key }) => {
    const name = check(vmName, key);
    if (name.ok)
      void forgetIfClaimed(name.value).catch((error: unknown) =>
        log.warn('an owner record could not be followed', { vm: key, fault: faultOf(error) }),
      );
  });

  async function forgetIfClaimed(vm: VmName): Promise<void> {
    if (vms.get(vm) === undefined || vms.process(vm) !== undefined || runner.activeOf(vm) !== undefined) return;
    const release = runner.hold(vm);
    try {
      const found = await ownership.read(vm);
      if (found === undefined || found.record.owner === host) return;
      await vms.remove(vm);
      log.info('the VM belongs to another host now', { vm, owner: found.record.owner });
    } finally {
      release();
    }
  }
}
