import { faultOf } from '../../../shared/errors/broker-error.ts';
import { newId, type OperationId, type VmName } from '../../../shared/ids.ts';
import type { World } from '../effects/world.ts';
import { putBack } from '../ownership/claim.ts';
import { afterEnd } from '../requests/control.ts';
import type { VmEvent } from '../runtime/ports.ts';
import type { Runner } from '../runtime/runner.ts';

/** How often a QEMU that does not answer is spoken to again, in ms. */
const silentMs = 2_000;
/** How often this host looks whether the owner records of its VMs are as its journal has them, in ms. */
const lookMs = 30_000;

/**
 * Finds the QEMUs of an earlier broker again. A VM whose QEMU ended while nobody looked is marked as stopped, unless an
 * operation of the journal knows more about it. One that does not answer is spoken to until it does, and its VM is let
 * alone meanwhile; `onFound` hears of it then.
 */
export async function adoptRunning(
  world: World,
  openVms: ReadonlySet<VmName>,
  onFound: (vm: VmName) => void,
): Promise<void> {
  const { vms, vmm, log, clock } = world;

  async function adopt(vm: VmName): Promise<boolean> {
    try {
      const process = await vmm.adopt(vm);
      vms.detach(vm);
      if (process !== undefined) {
        vms.attach(process);
        log.info('QEMU found again', { vm, pid: process.pid });
      }
      return true;
    } catch (error) {
      const fault = faultOf(error);
      const first = vms.silent(vm) === undefined;
      log[first ? 'error' : 'info']('a QEMU could not be taken over', { vm, fault });
      vms.markSilent(vm, fault, clock.nowMs());
      return false;
    }
  }

  const again = (vm: VmName) =>
    clock.after(silentMs, () => void adopt(vm).then((done) => (done ? onFound(vm) : again(vm))));

  for (const vm of new Set([...vms.list().map(({ spec }) => spec.name), ...openVms])) {
    if (!(await adopt(vm))) again(vm);
    else if (vms.process(vm) === undefined && !openVms.has(vm)) {
      await afterEnd(world, vm).catch((error: unknown) =>
        log.warn('a stopped VM could not be marked', { vm, fault: faultOf(error) }),
      );
    }
  }
}

/** Keeps records and VMs in agreement. */
export interface Keeper {
  /** Looks at one VM now. */
  look(vm: VmName): void;
  stop(): void;
}

/**
 * Keeps this host's VMs and the owner records in agreement, from time to time and whenever a record changes. What another
 * host has claimed while it was stopped here is forgotten: what this host knew of it is history then. A record that is older
 * than this host's journal was brought back by the bucket, and is put back as it was. A guest that runs here while another
 * host has it in a newer epoch was fenced, and is paused. A VM that is being worked on is let alone.
 */
export async function keepOwners(world: World, runner: Runner): Promise<Keeper> {
  const { vms, ownership, host, log, clock, random } = world;
  /** VMs that are being looked at, and whether something changed meanwhile. */
  const looking = new Map<VmName, boolean>();
  function look(vm: VmName): void {
    if (looking.has(vm)) {
      looking.set(vm, true);
      return;
    }
    looking.set(vm, false);
    void agree(vm)
      .catch((error: unknown) => log.info('an owner record could not be looked at', { vm, fault: faultOf(error) }))
      .then(() => {
        const changed = looking.get(vm) === true;
        looking.delete(vm);
        if (changed) look(vm);
      });
  }
  const lookAtAll = () => {
    for (const { spec } of vms.list()) look(spec.name);
    stopTimer = clock.after(lookMs, lookAtAll);
  };
  let stopTimer = clock.after(lookMs, lookAtAll);
  const stopWatch = await ownership.watch(look);
  return {
    look,
    stop() {
      stopTimer();
      stopWatch();
    },
  };

  async function agree(vm: VmName): Promise<void> {
    if (vms.get(vm) === undefined || runner.activeOf(vm) !== undefined || (await verdictOn(vm)) === undefined) return;
    // Held only where there is something to do, so that looking stands in nobody's way; and looked at again.
    const release = runner.hold(vm);
    try {
      const entry = vms.need(vm);
      switch (await verdictOn(vm)) {
        case 'theirs':
          // Should the bucket forget, this host does not.
          await vms.giveAway(vm, entry.epoch + 1);
          await vms.remove(vm);
          log.info('the VM belongs to another host now', { vm });
          return;
        case 'forgotten': {
          const operation = newId('op', clock.nowMs(), random(10)) as OperationId;
          const running = vms.process(vm) !== undefined;
          if (!running) await afterEnd(world, vm);
          await putBack(world, { vm, epoch: entry.epoch, running, operation });
          log.warn('the bus had forgotten who owns a VM, and was told again', { vm });
          return;
        }
        case 'ended':
          await afterEnd(world, vm);
          return;
        case 'fenced':
          if ((await vms.needProcess(vm).state()) !== 'running') return;
          // Its memory stays for whoever looks; it runs elsewhere.
          await vms.needProcess(vm).pause();
          log.error('a guest is paused: another host has the VM in a newer epoch', { vm });
      }
    } finally {
      release();
    }
  }

  async function verdictOn(vm: VmName): Promise<'theirs' | 'forgotten' | 'ended' | 'fenced' | undefined> {
    const record = (await ownership.read(vm))?.record;
    const entry = vms.get(vm);
    if (entry === undefined) return undefined;
    const runs = vms.process(vm) !== undefined;
    if (record === undefined || record.epoch < entry.epoch) return 'forgotten';
    // In the same epoch where this host had only written down that it takes it over, and another was faster.
    const intended = entry.claimedBy !== undefined || entry.fence?.epoch === entry.epoch;
    if (record.owner !== host && (record.epoch > entry.epoch || intended)) return runs ? 'fenced' : 'theirs';
    if (record.owner !== host) return undefined;
    return record.running && !runs ? 'ended' : undefined;
  }
}

/**
 * QEMU spoke while no broker was there to listen. What it would have said last is told to the operation that goes on from
 * the journal: how its migration stands, or that it is gone.
 */
export async function hearWhatWasMissed({ vms, log, clock }: World, runner: Runner, vm: VmName): Promise<void> {
  try {
    const process = vms.process(vm);
    const event: VmEvent =
      process === undefined
        ? { kind: 'exited', detail: 'it was gone when the broker came back' }
        : { kind: 'migration', status: (await process.figures()).status, atMs: clock.nowMs() };
    runner.deliverVmEvent(vm, event);
  } catch (error) {
    log.warn('QEMU does not say how its migration stands', { vm, fault: faultOf(error) });
  }
}
