import type { VmEvent } from '../../../services/broker/runtime/ports.ts';
import { messageDelayOf } from '../chances.ts';
import type { Qemu, Surroundings } from './qemu.ts';

/** What QEMUs come to by themselves, and how it is heard of. */
export interface RunStates {
  /** The QEMUs that wait for a connection, by port. */
  readonly listening: Map<number, Qemu>;
  /** Its brokers hear that, after what they heard before. */
  emit(qemu: Qemu, event: VmEvent): void;
  /** Its transfer has another status. */
  migrated(qemu: Qemu, status: string): void;
  /** Its guest runs from now on. */
  goOn(qemu: Qemu): void;
  /** What QEMU does by itself when a transfer ends otherwise than well: a guest that was paused before is none of its business. */
  goOnByItself(qemu: Qemu): void;
  /** Its guest powers itself off. */
  powerOff(qemu: Qemu): void;
  /** Its process is gone. */
  end(qemu: Qemu): void;
  /** It ends by itself. */
  kill(qemu: Qemu, quiet?: boolean): void;
  /** The connection to the other QEMU broke. */
  peerIsGone(qemu: Qemu): void;
}

export function createRunStates(
  by: Surroundings,
  options: {
    /** The listener of a grant takes a second connection. */
    readonly listenersAreReused: boolean;
    /** Takes it from its host's list. */
    readonly remove: (qemu: Qemu) => void;
  },
): RunStates {
  const { time, random, pace, truth, soon } = by;
  const listening = new Map<number, Qemu>();

  function emit(qemu: Qemu, event: VmEvent): void {
    // That a process is gone is seen by its socket, however silent it was.
    const speaksAtMs = event.kind === 'exited' ? 0 : qemu.silentUntilMs;
    const saidAtMs = event.kind === 'exited' ? 0 : qemu.saidUntilMs;
    const atMs = Math.max(saidAtMs, time.nowMs() + messageDelayOf(random, pace), speaksAtMs);
    qemu.saidUntilMs = atMs;
    time.after(atMs - time.nowMs(), () => {
      for (const { life, callback } of [...qemu.listeners]) if (life.up) callback(event);
    });
  }
  const migrated = (qemu: Qemu, status: string) => {
    qemu.migration = status;
    emit(qemu, { kind: 'migration', status, atMs: time.nowMs() });
  };
  const goOn = (qemu: Qemu) => {
    if (qemu.run === 'running') return;
    qemu.run = 'running';
    truth.runs(qemu);
  };
  const goOnByItself = (qemu: Qemu) => {
    if (qemu.run !== 'transferring') return;
    if (qemu.forced || qemu.pulled) qemu.run = 'handed-over';
    else goOn(qemu);
  };

  function powerOff(qemu: Qemu): void {
    if (qemu.run !== 'running') return;
    qemu.run = 'shutdown';
    truth.endsItself(qemu.vm);
    emit(qemu, { kind: 'shutdown', atMs: time.nowMs() });
  }

  function end(qemu: Qemu): void {
    qemu.alive = false;
    options.remove(qemu);
    listening.delete(qemu.port);
    const { peer } = qemu;
    // By the time it is noticed it may be connected to another one.
    if (peer?.alive && peer.peer === qemu) soon(() => peer.peer === qemu && peerIsGone(peer));
  }

  function peerIsGone(qemu: Qemu): void {
    if (!qemu.alive) return;
    switch (qemu.migration) {
      case 'active':
      case 'device':
        if (qemu.origin === 'incoming' && qemu.run === 'incoming') {
          if (options.listenersAreReused) return;
          kill(qemu);
          return;
        }
        qemu.peer = undefined;
        migrated(qemu, 'failed');
        goOnByItself(qemu);
        return;
      case 'postcopy-active':
        if (qemu.origin === 'incoming' && qemu.run === 'incoming') kill(qemu);
        else if (qemu.packaged || qemu.partly) {
          migrated(qemu, 'postcopy-paused');
          truth.cutsOff(qemu);
        } else {
          qemu.peer = undefined;
          migrated(qemu, 'failed');
          goOnByItself(qemu);
        }
        return;
      default:
        // At pre-switchover nothing is sent, so nothing is noticed.
        return;
    }
  }

  function kill(qemu: Qemu, quiet = false): void {
    if (!qemu.alive) return;
    truth.breaks(qemu);
    end(qemu);
    if (!quiet) emit(qemu, { kind: 'exited', detail: 'it broke' });
  }

  return { listening, emit, migrated, goOn, goOnByItself, powerOff, end, kill, peerIsGone };
}
