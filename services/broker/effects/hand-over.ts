import { type Fault, faultOf } from '../../../shared/errors/broker-error.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import type { MigrateOut, SourceEvent, SourceState } from '../migrate/source-states.ts';
import { takeBack } from '../ownership/claim.ts';
import { takeFenced } from '../ownership/fence.ts';
import { afterEnd } from '../requests/control.ts';
import type { Performing } from '../runtime/kind.ts';
import type { VmProcess } from '../runtime/ports.ts';
import { reportDowntime, reportTransfer } from './follow-transfer.ts';
import type { World } from './world.ts';

/** What a source does once its QEMU is done: it hands over, and clears its copy or takes the VM back. */
export function handingOver(world: World) {
  const { vms, held, host, peers, ownership } = world;

  async function sendHandover(
    state: Extract<SourceState, { state: 'handing-over' | 'pulling' }>,
    { report }: Performing,
  ): Promise<SourceEvent> {
    const { vm, operation, destination, grant, carnet } = state;
    // From here on a record that says the VM is still this host's is an old one.
    await vms.giveAway(vm, carnet.epoch + 1);
    const answer = await peers.handover(destination, {
      operation,
      grantId: grant.grantId,
      vm,
      epoch: carnet.epoch + 1,
      ...(state.state === 'pulling' && isGone(vm) ? { gone: true } : {}),
    });
    const countDowntime = () => {
      if (!held.runsThere.has(operation)) reportDowntime(world, vm, report);
      held.runsThere.add(operation);
    };
    switch (answer.is) {
      case 'running':
        countDowntime();
        await reportTransfer(world, vm, report);
        return { event: 'destination-running', decision: answer.decision };
      case 'pulling':
        countDowntime();
        return { event: 'destination-pulling', decision: answer.decision };
      case 'lost':
        return { event: 'destination-lost', lost: answer.fault };
      case 'refusal':
        if (state.state === 'pulling') return { event: await releasedAs(vm), decision: answer.decision };
        return { event: 'refused', decision: answer.decision };
      case 'released':
        return { event: state.state === 'pulling' ? await releasedAs(vm) : 'destination-released' };
      case 'failure':
        return { event: 'failed', fault: answer.fault };
    }
  }

  /** A guest whose last page was sent, and which never ran there, is as whole here as before. */
  const releasedAs = async (vm: MigrateOut['vm']) =>
    (await vms.process(vm)?.figures())?.status === 'completed' ? 'copy-released' : 'destination-released';

  /** Whether there is no QEMU of it any more; one that is merely silent still has what is to be pulled. */
  const isGone = (vm: MigrateOut['vm']) => vms.process(vm) === undefined && vms.silent(vm) === undefined;

  /** The destination is asked; where it does not answer, a record that decides alone may be asked to. */
  async function resolveDoubt({
    vm,
    operation,
    destination,
    carnet,
  }: Extract<SourceState, { state: 'in-doubt' }>): Promise<SourceEvent> {
    let fault: Fault | undefined;
    try {
      const answer = await peers.release(destination, { operation, vm, epoch: carnet.epoch + 1 });
      if (answer.is === 'running') return { event: 'destination-running' };
      if (answer.is === 'released') return { event: 'destination-released' };
    } catch (error) {
      fault = faultOf(error);
      world.log.info('the destination does not say how the handover went', { operation, fault });
    }
    const owner = await ownership.read(vm).catch(() => undefined);
    const { record } = owner ?? {};
    // A record that was moved is no word that the guest runs there; a copy is destroyed on the destination's word alone.
    // Of two hosts that move the record now one wins; but only a record that no server forgets may decide alone.
    const unmoved = record?.owner === host && record.epoch === carnet.epoch;
    if (unmoved && ownership.decidesAlone) return { event: 'record-unmoved' };
    return { event: 'unresolved', ...(fault === undefined ? {} : { fault }) };
  }

  async function destroyCopy(state: SourceState, { overtaken }: Performing): Promise<SourceEvent | undefined> {
    const { vm } = state;
    await vms.process(vm)?.quit();
    if (overtaken()) return undefined;
    vms.detach(vm);
    await world.checkpoints.unpin(vm);
    if (overtaken()) return undefined;
    await vms.remove(vm);
    const { outcome } = state.state === 'clearing' ? state : {};
    return outcome === undefined ? { event: 'cleared' } : { event: 'cleared-lost', outcome };
  }

  /**
   * Takes the next epoch: on the destination's release, on a record that decides alone, or on the word that it is off for
   * good.
   */
  async function claimAgain(state: Extract<SourceState, { state: 'taking-back' }>): Promise<number> {
    const { vm, operation, destination, carnet, released, fence, dropsMemory = false } = state;
    if (fence === undefined)
      return takeBack(world, { vm, epoch: carnet.epoch, operation }, released ? destination : undefined);
    await takeFenced(world, { vm, epoch: fence.epoch, running: !dropsMemory, operation }, fence.host);
    return fence.epoch;
  }

  /** What a conflict about the next epoch means, when it is not with this operation's own claim. */
  function overruledBy(
    record: OwnerRecord | undefined,
    { operation, carnet, released, postcopy, dropsMemory = false }: Extract<SourceState, { state: 'taking-back' }>,
    conflict: unknown,
  ): SourceEvent {
    // The destination's own claim is in the epoch that follows; so may be another host's, that somebody let take the VM.
    const newer = record !== undefined && record.owner !== host && record.epoch > carnet.epoch;
    if (released && newer && record.operation !== operation) return { event: 'overruled' };
    // A guest that was let go is in no doubt: there is nothing to go back to, so this is tried again.
    if (postcopy !== undefined && dropsMemory) throw conflict;
    return { event: 'owner-lost' };
  }

  async function takeVmBack(
    state: Extract<SourceState, { state: 'taking-back' }>,
    { overtaken }: Performing,
  ): Promise<SourceEvent | undefined> {
    const { vm, operation, carnet, fence, dropsMemory = false } = state;
    let epoch: number;
    try {
      epoch = await claimAgain(state);
    } catch (error) {
      if (faultOf(error).code !== 'OWNER_CONFLICT') throw error;
      // Looked at again: the conflict may be with what an earlier attempt has written, and then it is claimed.
      const record = (await ownership.read(vm))?.record;
      const mine = record?.owner === host && record.operation === operation && record.epoch > carnet.epoch;
      if (!mine) return overruledBy(record, state, error);
      epoch = record.epoch;
    }
    if (overtaken()) return undefined;
    await vms.put({ ...vms.need(vm), epoch, ...(fence === undefined ? {} : { fence }) });
    if (overtaken()) return undefined;
    const process = vms.process(vm);
    if (dropsMemory) {
      await process?.quit();
      await afterEnd(world, vm);
      return { event: 'taken-back' };
    }
    // A QEMU that died meanwhile leaves a stopped VM, which is still this host's.
    if (process !== undefined) await runUnlessOff(process);
    return { event: 'taken-back' };
  }

  return { sendHandover, resolveDoubt, destroyCopy, takeVmBack };
}

/** Lets a guest run, unless it has powered itself off: then there is nothing to run, and that is how it stays. */
export async function runUnlessOff(process: VmProcess): Promise<void> {
  const state = await process.state();
  if (state !== 'running' && state !== 'shutdown') await process.run({ announce: true });
}
