import type { Launch, TransferKey, VmEvent, Vmm, VmProcess } from '../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import type { VmName } from '../../shared/ids.ts';
import type { Label } from '../../shared/label/label.ts';
import { delayOf, type Life, longDelayOf, messageDelayOf, never, type Pace } from './chances.ts';
import type { Links } from './links.ts';
import type { Random } from './random.ts';
import type { Time } from './time.ts';
import type { Truth } from './truth.ts';

/*
 * QEMU as a broker and another QEMU see it, with the habits of 7.2: a source goes on by itself when a transfer fails, a
 * destination whose transfer fails exits, nothing ever times out, and after `completed` either side does what it is told.
 */

type RunState = Awaited<ReturnType<VmProcess['state']>>;

/** One QEMU process. It outlives its broker. */
export interface Qemu {
  readonly host: string;
  readonly vm: VmName;
  readonly pid: number;
  readonly label: Label;
  readonly origin: Launch['origin']['kind'] | 'seed';
  alive: boolean;
  run: RunState;
  /** `query-migrate`'s status. */
  migration: string;
  /** How often it was told to send. */
  attempts: number;
  /** Which state of the guest it holds; 0 where it never ran. */
  version: number;
  /** Whether it holds all of it. */
  complete: boolean;
  hasRun: boolean;
  /** Whether it may let its guest run without the broker that started it being told. */
  mayBeTold: boolean;
  peer: Qemu | undefined;
  /** Whether its guest writes faster than can be sent, and whether it was paused for that. */
  restless: boolean;
  forced: boolean;
  /** As a source: it may begin post-copy, it was told to, and it has sent everything but memory. */
  mayPull: boolean;
  pulled: boolean;
  packaged: boolean;
  /** As a destination: it has everything but memory, and only that. */
  partly: boolean;
  /** What it has sent, and how often it has begun anew. */
  sentBytes: number;
  passes: number;
  /** Until when its monitor is silent. What it is told meanwhile it does then. */
  silentUntilMs: number;
  /** When it will have done what it was told so far. */
  toldUntilMs: number;
  port: number;
  key: TransferKey | undefined;
  readonly listeners: Set<{ readonly life: Life; readonly callback: (event: VmEvent) => void }>;
  /** Events are heard in their order. */
  saidUntilMs: number;
}

export const guestRuns = ({ alive, run }: Qemu): boolean => alive && run === 'running';

/** The processes of the fleet and the wires between them. */
export interface Machines {
  /** The QEMUs of a host, by VM. */
  of(host: string): Map<VmName, Qemu>;
  vmmOf(host: string, life: Life): Vmm;
  /** Puts a running QEMU there before anything begins. */
  seed(host: string, vm: VmName, label: Label): Qemu;
  /** It ends by itself. */
  kill(qemu: Qemu, quiet?: boolean): void;
  /** The next transfer's connection breaks. */
  breakNextWire(): void;
  /** Its guest powers itself off. */
  powerOff(qemu: Qemu): void;
}

export interface MachineOptions {
  /** The listener of a grant takes a second connection. */
  readonly listenersAreReused: boolean;
}

const commandMsMax = 5_000;

export function createMachines(
  by: { time: Time; random: Random; added: Random; pulls: Random; pace: Pace; links: Links; truth: Truth },
  options: MachineOptions,
): Machines {
  const { time, random, added, pulls, pace, links, truth } = by;
  const hosts = new Map<string, Map<VmName, Qemu>>();
  const listening = new Map<number, Qemu>();
  let pids = 100;
  let ports = 40_000;
  let wireBreaks = false;
  const soon = (act: () => void) => time.after(delayOf(random, pace), act);

  const of = (host: string) => {
    let found = hosts.get(host);
    if (found === undefined) {
      found = new Map();
      hosts.set(host, found);
    }
    return found;
  };

  function create(host: string, vm: VmName, label: Label, origin: Qemu['origin']): Qemu {
    const qemu: Qemu = {
      host,
      vm,
      label,
      origin,
      pid: pids++,
      alive: true,
      run: origin === 'incoming' ? 'incoming' : 'paused',
      migration: 'none',
      attempts: 0,
      version: 0,
      complete: origin === 'boot' || origin === 'seed',
      hasRun: false,
      mayBeTold: false,
      peer: undefined,
      restless: false,
      forced: false,
      mayPull: false,
      pulled: false,
      packaged: false,
      partly: false,
      sentBytes: 0,
      passes: 0,
      silentUntilMs: 0,
      toldUntilMs: 0,
      port: 0,
      key: undefined,
      listeners: new Set(),
      saidUntilMs: 0,
    };
    of(host).set(vm, qemu);
    truth.launched(qemu);
    return qemu;
  }

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
  /** What QEMU does by itself when a transfer ends otherwise than well: a guest that was paused before is none of its business. */
  const goOnByItself = (qemu: Qemu) => {
    if (qemu.run !== 'transferring') return;
    if (qemu.forced || qemu.pulled) qemu.run = 'handed-over';
    else goOn(qemu);
  };

  function end(qemu: Qemu): void {
    qemu.alive = false;
    if (of(qemu.host).get(qemu.vm) === qemu) of(qemu.host).delete(qemu.vm);
    listening.delete(qemu.port);
    const { peer } = qemu;
    // By the time it is noticed it may be connected to another one.
    if (peer?.alive && peer.peer === qemu) soon(() => peer.peer === qemu && peerIsGone(peer));
  }

  /** The connection to the other QEMU broke. */
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

  const reaches = (from: Qemu, to: Qemu) => links.carries(from.host, to.host) && links.carries(to.host, from.host);

  function connect(from: Qemu, port: number, key: TransferKey): void {
    const to = listening.get(port);
    if (to === undefined || !reaches(from, to) || to.key === undefined || !sameKey(to.key, key)) {
      migrated(from, 'failed');
      return;
    }
    if (!options.listenersAreReused) listening.delete(port);
    truth.accepts(from, to, port);
    from.peer = to;
    to.peer = from;
    migrated(from, 'active');
    migrated(to, 'active');
    from.restless = added.chance(0.04);
    if (from.mayPull) from.restless ||= pulls.chance(0.6);
    if (from.forced || from.pulled || !from.restless) time.after(longDelayOf(random, pace), () => converge(from, to));
  }

  /** The guest is paused: what is left to be sent only becomes less. */
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

  /** It stops before switchover at its next look. */
  function startPostcopy(qemu: Qemu): void {
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

  /** A cut line is nothing QEMU notices until the connection breaks. */
  function throughOr(from: Qemu, to: Qemu, again: () => void): boolean {
    const broken = wireBreaks;
    wireBreaks = false;
    if (!broken && reaches(from, to)) return true;
    if (broken || random.chance(0.3)) {
      peerIsGone(from);
      peerIsGone(to);
    } else time.after(1_000, again);
    return false;
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

  function processOf(qemu: Qemu, life: Life): VmProcess {
    /**
     * Tells it something over its monitor, where one command follows the other. It may be done without an answer, or long
     * after nobody waits for one any more.
     */
    function tell<T>(act: () => T, from = random, onLate = () => {}): Promise<T> {
      if (!life.up) return never();
      const nowMs = time.nowMs();
      const freeAtMs = Math.max(qemu.toldUntilMs, qemu.silentUntilMs);
      if (qemu.alive && freeAtMs <= nowMs && from.next() < pace.atOnce) {
        try {
          return Promise.resolve(act());
        } catch (error) {
          return Promise.reject(error);
        }
      }
      const atMs = Math.max(freeAtMs, nowMs + delayOf(from, pace));
      qemu.toldUntilMs = atMs;
      return new Promise((resolve, reject) => {
        const late = atMs - nowMs > commandMsMax;
        if (late) {
          onLate();
          time.after(commandMsMax, () => {
            if (life.up) reject(new BrokerError('QEMU_TIMEOUT', 'its monitor is silent'));
          });
        }
        time.after(atMs - nowMs, () => {
          if (!life.up && from.chance(0.5)) return;
          if (!qemu.alive) {
            if (life.up) reject(new BrokerError('QEMU_FAILED', 'its monitor is closed'));
            return;
          }
          try {
            const answer = act();
            if (life.up) resolve(answer);
          } catch (error) {
            if (life.up) reject(error);
          }
        });
      });
    }

    return {
      vm: qemu.vm,
      pid: qemu.pid,
      accelerator: 'tcg',
      state: () => tell(() => qemu.run),
      run: () =>
        tell(
          () => {
            if (qemu.run === 'incoming' || qemu.run === 'transferring' || qemu.run === 'shutdown')
              throw new BrokerError('VM_STATE', `cannot run in ${qemu.run}`);
            goOn(qemu);
          },
          random,
          () => {
            qemu.mayBeTold = true;
          },
        ),
      pause: () =>
        tell(() => {
          if (qemu.run === 'running') qemu.run = 'paused';
        }),
      powerDown: () => tell(() => powerOff(qemu)),
      // A process is ended whether its monitor speaks or not.
      quit: () =>
        new Promise((resolve) => {
          time.after(messageDelayOf(random, pace), () => {
            if (!life.up) return;
            if (qemu.alive) {
              truth.quits(qemu);
              end(qemu);
            }
            resolve();
          });
        }),
      listen: (_address, key) =>
        tell(() => {
          if (qemu.run !== 'incoming') throw new BrokerError('QEMU_REFUSED', 'it does not wait for a guest');
          qemu.port = ports++;
          qemu.key = key;
          listening.set(qemu.port, qemu);
          return { port: qemu.port };
        }),
      send: ({ port }, key, { allowPostcopy = false }) =>
        tell(() => {
          if (['setup', 'active', 'pre-switchover', 'device'].includes(qemu.migration) || qemu.run === 'handed-over')
            throw new BrokerError('QEMU_REFUSED', 'a migration is under way');
          qemu.migration = 'setup';
          qemu.attempts += 1;
          qemu.forced = false;
          qemu.mayPull = allowPostcopy;
          qemu.pulled = false;
          qemu.packaged = false;
          qemu.sentBytes = 0;
          qemu.passes = 1;
          const attempt = qemu.attempts;
          soon(() => {
            const wanted = qemu.migration === 'setup' && qemu.attempts === attempt;
            if (qemu.alive && wanted) connect(qemu, port, key);
          });
        }),
      forceSend: () => tell(() => force(qemu)),
      startPostcopy: () => tell(() => startPostcopy(qemu)),
      switchOver: () =>
        tell(() => {
          const { peer } = qemu;
          if (qemu.migration.startsWith('postcopy')) return;
          if (qemu.migration !== 'pre-switchover' || peer === undefined)
            throw new BrokerError('QEMU_REFUSED', 'it does not stand at pre-switchover');
          truth.switchesOver(qemu);
          // Now and then all was sent meanwhile, and nothing is left to be pulled.
          if (qemu.pulled && pulls.chance(0.9)) {
            migrated(qemu, 'postcopy-active');
            soon(() => sendPackage(qemu, peer));
            return;
          }
          qemu.migration = 'device';
          soon(() => finish(qemu, peer));
        }),
      cancelSend: () =>
        tell(() => {
          if (qemu.migration === 'completed') throw new BrokerError('VM_STATE', 'the transfer is complete');
          if (qemu.migration.startsWith('postcopy')) throw new BrokerError('VM_STATE', 'it is in post-copy');
          if (!['setup', 'active', 'pre-switchover', 'device'].includes(qemu.migration)) return;
          const { peer } = qemu;
          qemu.peer = undefined;
          migrated(qemu, 'cancelled');
          goOnByItself(qemu);
          if (peer !== undefined) soon(() => peer.run === 'incoming' && kill(peer));
        }),
      figures: () =>
        tell(() => {
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
          // How often it is looked at changes nothing else.
        }, added),
      saveLive: () =>
        new Promise((resolve, reject) => {
          truth.pauses(qemu, ['request']);
          soon(() => {
            if (!life.up) return;
            if (!qemu.alive) {
              reject(new BrokerError('QEMU_FAILED', 'it ended'));
              return;
            }
            if (qemu.run !== 'running') {
              reject(new BrokerError('VM_STATE', 'its guest does not run'));
              return;
            }
            time.after(longDelayOf(random, pace), () => {
              if (!life.up) return;
              if (qemu.alive) resolve({ pauseMs: 3 });
              else reject(new BrokerError('QEMU_FAILED', 'it ended'));
            });
          });
        }),
      load: () =>
        new Promise((resolve, reject) => {
          time.after(longDelayOf(random, pace), () => {
            if (!life.up) return;
            qemu.complete = qemu.alive;
            if (qemu.alive) resolve({ loadMs: 5 });
            else reject(new BrokerError('QEMU_FAILED', 'it ended'));
          });
        }),
      onEvent(callback) {
        const listener = { life, callback };
        qemu.listeners.add(listener);
        return () => void qemu.listeners.delete(listener);
      },
    };
  }

  function powerOff(qemu: Qemu): void {
    if (qemu.run !== 'running') return;
    qemu.run = 'shutdown';
    truth.endsItself(qemu.vm);
    emit(qemu, { kind: 'shutdown', atMs: time.nowMs() });
  }

  return {
    of,
    kill,
    powerOff,
    breakNextWire() {
      wireBreaks = true;
    },
    seed(host, vm, label) {
      const qemu = create(host, vm, label, 'seed');
      goOn(qemu);
      return qemu;
    },
    vmmOf: (host, life) => ({
      qemuVersion: '7.2.0',
      accelerators: ['tcg'],
      confined: true,
      consolePath: () => '/console',
      launch: ({ spec, label, origin }) =>
        new Promise((resolve, reject) => {
          soon(() => {
            if (!life.up) return;
            if (of(host).has(spec.name)) {
              reject(new BrokerError('VM_STATE', 'one runs already'));
              return;
            }
            const qemu = create(host, spec.name, label, origin.kind);
            // It is there before it answers.
            soon(() => {
              if (!life.up) return;
              if (qemu.alive) resolve(processOf(qemu, life));
              else reject(new BrokerError('QEMU_FAILED', 'it ended'));
            });
          });
        }),
      async adopt(vm) {
        const qemu = of(host).get(vm);
        if (qemu === undefined) return undefined;
        qemu.mayBeTold = true;
        if (qemu.silentUntilMs > time.nowMs()) throw new BrokerError('QEMU_TIMEOUT', 'its monitor is silent');
        return processOf(qemu, life);
      },
    }),
  };
}

function sameKey(a: TransferKey, b: TransferKey): boolean {
  return a.identity === b.identity && a.key.length === b.key.length && a.key.every((byte, at) => byte === b.key[at]);
}
