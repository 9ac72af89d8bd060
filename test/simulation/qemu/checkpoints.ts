import type { VmProcess } from '../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type Life, longDelayOf } from '../chances.ts';
import type { Qemu, Surroundings } from './qemu.ts';

/** How a QEMU writes its guest's memory into a checkpoint, and how another one loads it. */
export function checkpointsOf(
  { time, random, pace, truth, soon }: Surroundings,
  qemu: Qemu,
  life: Life,
): Pick<VmProcess, 'saveLive' | 'load'> {
  return {
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
  };
}
