import type { VmEntry } from '../../services/broker/vms/vms.ts';
import type { VmName } from '../../shared/ids.ts';
import type { Fleet } from './fleet.ts';
import type { Scenario } from './scenario.ts';

/** True when every broker serves, no operation is under way and none holds anything. */
export const atRest = (fleet: Fleet): boolean =>
  fleet.hosts.every(({ broker, disk }) => {
    if (broker?.core === undefined || disk.count('operations-open') > 0 || broker.openImages() > 0) return false;
    const { keys, drafts, images, checkpoints } = broker.core.world.held;
    return keys.size + drafts.size + images.size + checkpoints.size === 0;
  });

/** Judges what is left when everything was mended and has come to rest. */
export function judgeEnd(fleet: Fleet, scenario: Scenario): void {
  const { truth, storage } = fleet;
  for (const vm of fleet.vms) judgeVm(fleet, vm, scenario);
  truth.must(storage.drafts.size === 0, 'a draft of a checkpoint is left');
}

function judgeVm(fleet: Fleet, vm: VmName, { suspended }: Scenario): void {
  const { truth, owners, hosts, machines, storage } = fleet;
  const is = truth.need(vm);
  const record = owners.records.get(vm)?.record;
  const says = `${record?.owner} ${record?.epoch}`;
  truth.must(says === `${is.owner} ${is.epoch}`, `${vm}: the record says ${says}, it is ${is.owner} ${is.epoch}`);
  for (const { name, disk } of hosts) {
    const entry = [...(disk.values('vms') as Iterable<VmEntry>)].find(({ spec }) => spec.name === vm);
    const qemu = machines.of(name).get(vm);
    if (name !== is.owner) {
      truth.must(entry === undefined, `${vm}: ${name} still has it`);
      truth.must(qemu === undefined, `${vm}: a QEMU is left on ${name}`);
      continue;
    }
    truth.must(entry !== undefined && entry.epoch === is.epoch, `${vm}: its owner does not have it in its epoch`);
    truth.must((qemu !== undefined) === record?.running, `${vm}: the record says running ${record?.running}`);
    if (qemu === undefined) {
      truth.must(is.gone, `${vm}: its memory is nowhere`);
      truth.must(!storage.pins.has(vm), `${vm}: a pin is left`);
      continue;
    }
    const right = qemu.run === 'running' || qemu.run === 'shutdown' || (qemu.run === 'paused' && suspended.has(vm));
    truth.must(right, `${vm}: its QEMU is left ${qemu.run}`);
    truth.must(is.gone || (qemu.complete && qemu.version === is.newest), `${vm}: its newest state is nowhere`);
  }
}
