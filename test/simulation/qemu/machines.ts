import type { Vmm } from '../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import { delayOf, type Life } from '../chances.ts';
import { createPostcopy } from './postcopy.ts';
import { newQemu, type Qemu, type Surroundings } from './qemu.ts';
import { createRunStates } from './run-states.ts';
import { createTransfers } from './transfer.ts';
import { vmProcessOf } from './vm-process.ts';
import { createWire } from './wire.ts';

/** The QEMUs of a fleet, what a broker may do with them, and what befalls them. */
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

export function createMachines(
  around: Omit<Surroundings, 'soon'>,
  options: { readonly listenersAreReused: boolean },
): Machines {
  const { time, random, pace, truth } = around;
  const soon = (act: () => void) => time.after(delayOf(random, pace), act);
  const by: Surroundings = { ...around, soon };
  const hosts = new Map<string, Map<VmName, Qemu>>();
  let pids = 100;

  const of = (host: string) => {
    let found = hosts.get(host);
    if (found === undefined) {
      found = new Map();
      hosts.set(host, found);
    }
    return found;
  };

  function create(host: string, vm: VmName, label: Label, origin: Qemu['origin']): Qemu {
    const qemu = newQemu({ host, vm, label, origin, pid: pids++ });
    of(host).set(vm, qemu);
    truth.launched(qemu);
    return qemu;
  }

  const runStates = createRunStates(by, {
    ...options,
    remove(qemu) {
      if (of(qemu.host).get(qemu.vm) === qemu) of(qemu.host).delete(qemu.vm);
    },
  });
  const wire = createWire(by, runStates);
  const transfers = createTransfers(by, runStates, wire, options);
  const parts = { runStates, transfers, postcopy: createPostcopy(by, runStates, wire, transfers) };
  const processOf = (qemu: Qemu, life: Life) => vmProcessOf(by, parts, qemu, life);

  return {
    of,
    kill: runStates.kill,
    powerOff: runStates.powerOff,
    breakNextWire: wire.breakNext,
    seed(host, vm, label) {
      const qemu = create(host, vm, label, 'seed');
      runStates.goOn(qemu);
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
