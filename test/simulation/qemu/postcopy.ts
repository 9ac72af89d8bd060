import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { delayOf, longDelayOf } from '../chances.ts';
import type { Qemu, Surroundings } from './qemu.ts';
import type { RunStates } from './run-states.ts';
import type { Transfers } from './transfer.ts';
import type { Wire } from './wire.ts';

/** How a guest runs at its destination while its memory is still at the source. */
export interface Postcopy {
  /** From its next look on it stands before switchover. */
  start(qemu: Qemu): void;
  /** Lets the guest go: everything but memory is sent, then the rest of memory. */
  switchOver(from: Qemu, to: Qemu): void;
}

export function createPostcopy(
  { time, pulls, pace, soon }: Surroundings,
  { migrated, peerIsGone }: RunStates,
  { throughOr }: Wire,
  { converge }: Transfers,
): Postcopy {
  function start(qemu: Qemu): void {
    if (['pre-switchover', 'device', 'completed', 'postcopy-active', 'postcopy-paused'].includes(qemu.migration))
      return;
    const { peer } = qemu;
    if (qemu.migration !== 'setup' && qemu.migration !== 'active') throw new BrokerError('VM_STATE', 'nothing is sent');
    if (!qemu.mayPull) throw new BrokerError('QEMU_REFUSED', 'no post-copy');
    if (qemu.pulled) return;
    qemu.pulled = true;
    if (peer === undefined || qemu.migration !== 'active') return;
    time.after(pulls.chance(0.05) ? 400_000 : delayOf(pulls, pace), () => converge(qemu, peer));
  }

  function switchOver(from: Qemu, to: Qemu): void {
    migrated(from, 'postcopy-active');
    soon(() => sendPackage(from, to));
  }

  /** Everything but memory goes over. */
  function sendPackage(from: Qemu, to: Qemu): void {
    if (!from.alive || from.peer !== to || from.migration !== 'postcopy-active') return;
    if (!to.alive) {
      peerIsGone(from);
      return;
    }
    if (!throughOr(from, to, () => sendPackage(from, to))) return;
    to.version = from.version;
    to.partly = true;
    from.packaged = true;
    migrated(to, 'postcopy-active');
    soon(() => {
      if (to.alive && to.run === 'incoming') to.run = 'paused';
    });
    time.after(pulls.chance(0.3) ? 30_000 : longDelayOf(pulls, pace), () => sendPages(from, to));
  }

  /** The rest of memory goes over. */
  function sendPages(from: Qemu, to: Qemu): void {
    if (!from.alive || !to.alive || to.migration !== 'postcopy-active') return;
    if (from.peer !== to || from.migration !== 'postcopy-active') return;
    if (to.run === 'incoming') time.after(20, () => sendPages(from, to));
    if (to.run === 'incoming' || !throughOr(from, to, () => sendPages(from, to))) return;
    to.complete = true;
    to.partly = false;
    migrated(to, 'completed');
    soon(() => {
      if (!from.alive || from.migration !== 'postcopy-active') return;
      from.run = 'handed-over';
      migrated(from, 'completed');
    });
  }

  return { start, switchOver };
}
