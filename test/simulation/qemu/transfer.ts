import type { TransferFigures, TransferKey } from '../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { longDelayOf } from '../chances.ts';
import type { Qemu, Surroundings } from './qemu.ts';
import type { RunStates } from './run-states.ts';
import type { Wire } from './wire.ts';

/** How the memory of a guest is sent from one QEMU to another, up to the last byte; without post-copy. */
export interface Transfers {
  /** Waits for a guest, and answers with the port. */
  listen(qemu: Qemu, key: TransferKey): { port: number };
  /** Begins to send its guest to a port, in a while. */
  send(qemu: Qemu, port: number, key: TransferKey, mayPull: boolean): void;
  /** Pauses the guest: what is left to be sent only becomes less. */
  force(qemu: Qemu): void;
  /** So little is left that it stops before switchover. */
  converge(from: Qemu, to: Qemu): void;
  /** Sends what is left, with the guest stopped. */
  switchOver(from: Qemu, to: Qemu): void;
  /** Calls it off; the destination ends by itself. */
  cancel(qemu: Qemu): void;
  /** What `query-migrate` says. */
  figures(qemu: Qemu): TransferFigures;
}

export function createTransfers(
  by: Surroundings,
  { listening, emit, migrated, goOnByItself, kill, peerIsGone }: RunStates,
  { reaches, throughOr }: Wire,
  { listenersAreReused }: { readonly listenersAreReused: boolean },
): Transfers {
  const { time, random, added, pulls, pace, truth, soon } = by;
  let ports = 40_000;

  function listen(qemu: Qemu, key: TransferKey): { port: number } {
    if (qemu.run !== 'incoming') throw new BrokerError('QEMU_REFUSED', 'it does not wait for a guest');
    qemu.port = ports++;
    qemu.key = key;
    listening.set(qemu.port, qemu);
    return { port: qemu.port };
  }

  function send(qemu: Qemu, port: number, key: TransferKey, mayPull: boolean): void {
    if (['setup', 'active', 'pre-switchover', 'device'].includes(qemu.migration) || qemu.run === 'handed-over')
      throw new BrokerError('QEMU_REFUSED', 'a migration is under way');
    qemu.migration = 'setup';
    qemu.attempts += 1;
    qemu.forced = false;
    qemu.mayPull = mayPull;
    qemu.pulled = false;
    qemu.packaged = false;
    qemu.sentBytes = 0;
    qemu.passes = 1;
    const attempt = qemu.attempts;
    soon(() => {
      const wanted = qemu.migration === 'setup' && qemu.attempts === attempt;
      if (qemu.alive && wanted) connect(qemu, port, key);
    });
  }

  function connect(from: Qemu, port: number, key: TransferKey): void {
    const to = listening.get(port);
    if (to === undefined || !reaches(from, to) || to.key === undefined || !sameKey(to.key, key)) {
      migrated(from, 'failed');
      return;
    }
    if (!listenersAreReused) listening.delete(port);
    truth.accepts(from, to, port);
    from.peer = to;
    to.peer = from;
    migrated(from, 'active');
    migrated(to, 'active');
    from.restless = added.chance(0.04);
    if (from.mayPull) from.restless ||= pulls.chance(0.6);
    if (from.forced || from.pulled || !from.restless) time.after(longDelayOf(random, pace), () => converge(from, to));
  }

  function force(qemu: Qemu): void {
    if (['pre-switchover', 'device', 'completed'].includes(qemu.migration)) return;
    const { peer } = qemu;
    if (qemu.migration !== 'setup' && qemu.migration !== 'active') throw new BrokerError('VM_STATE', 'nothing is sent');
    if (qemu.run !== 'running') return;
    truth.pauses(qemu, ['request', 'first-byte']);
    qemu.run = 'paused';
    qemu.forced = true;
    emit(qemu, { kind: 'stopped', atMs: time.nowMs() });
    if (peer === undefined || qemu.migration !== 'active') return;
    // Mostly at once; sometimes there is more left than a paused guest may wait for.
    time.after(added.chance(0.2) ? 400_000 : longDelayOf(added, pace), () => converge(qemu, peer));
  }

  function converge(from: Qemu, to: Qemu): void {
    if (!from.alive || from.peer !== to || from.migration !== 'active') return;
    if (!to.alive) {
      peerIsGone(from);
      return;
    }
    if (!throughOr(from, to, () => converge(from, to))) return;
    if (from.run === 'running') {
      truth.pauses(from, ['request', 'first-byte']);
      emit(from, { kind: 'stopped', atMs: time.nowMs() });
    }
    from.run = 'transferring';
    migrated(from, 'pre-switchover');
  }

  function switchOver(from: Qemu, to: Qemu): void {
    from.migration = 'device';
    soon(() => finish(from, to));
  }

  function finish(from: Qemu, to: Qemu): void {
    if (!from.alive || from.peer !== to || from.migration !== 'device') return;
    if (!to.alive) {
      peerIsGone(from);
      return;
    }
    if (!throughOr(from, to, () => finish(from, to))) return;
    to.version = from.version;
    to.complete = true;
    to.run = 'paused';
    migrated(to, 'completed');
    soon(() => acknowledge(from, to));
  }

  /** The destination says over the return path that it has loaded. */
  function acknowledge(from: Qemu, to: Qemu): void {
    if (!from.alive || from.peer !== to || from.migration !== 'device') return;
    if (!to.alive) {
      peerIsGone(from);
      return;
    }
    if (!throughOr(from, to, () => acknowledge(from, to))) return;
    from.run = 'handed-over';
    migrated(from, 'completed');
  }

  function cancel(qemu: Qemu): void {
    if (qemu.migration === 'completed') throw new BrokerError('VM_STATE', 'the transfer is complete');
    if (qemu.migration.startsWith('postcopy')) throw new BrokerError('VM_STATE', 'it is in post-copy');
    if (!['setup', 'active', 'pre-switchover', 'device'].includes(qemu.migration)) return;
    const { peer } = qemu;
    qemu.peer = undefined;
    migrated(qemu, 'cancelled');
    goOnByItself(qemu);
    if (peer !== undefined) soon(() => peer.run === 'incoming' && kill(peer));
  }

  function figures(qemu: Qemu): TransferFigures {
    if (qemu.peer !== undefined && reaches(qemu, qemu.peer)) qemu.sentBytes += 1;
    if (qemu.restless) qemu.passes += 1;
    return {
      status: qemu.migration,
      transferredBytes: qemu.sentBytes,
      remainingBytes: 1,
      totalBytes: 1,
      bytesPerSecond: 1,
      passes: qemu.passes,
      postcopyBytes: qemu.packaged ? 1 : 0,
      dirtyBytesPerSecond: 1,
      totalMs: 1,
    };
  }

  return { listen, send, force, converge, switchOver, cancel, figures };
}

function sameKey(a: TransferKey, b: TransferKey): boolean {
  return a.identity === b.identity && a.key.length === b.key.length && a.key.every((byte, at) => byte === b.key[at]);
}
