import type { VmProcess } from '../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type Life, messageDelayOf } from '../chances.ts';
import { checkpointsOf } from './checkpoints.ts';
import { monitorOf } from './monitor.ts';
import type { Postcopy } from './postcopy.ts';
import type { Qemu, Surroundings } from './qemu.ts';
import type { RunStates } from './run-states.ts';
import type { Transfers } from './transfer.ts';

/** A QEMU in the hands of one broker: what the port offers, and when it happens. */
export function vmProcessOf(
  by: Surroundings,
  parts: { readonly runStates: RunStates; readonly transfers: Transfers; readonly postcopy: Postcopy },
  qemu: Qemu,
  life: Life,
): VmProcess {
  const { time, random, added, pulls, pace, truth } = by;
  const { runStates, transfers, postcopy } = parts;
  const tell = monitorOf(by, qemu, life);
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
          runStates.goOn(qemu);
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
    powerDown: () => tell(() => runStates.powerOff(qemu)),
    // A process is ended whether its monitor speaks or not.
    quit: () =>
      new Promise((resolve) => {
        time.after(messageDelayOf(random, pace), () => {
          if (!life.up) return;
          if (qemu.alive) {
            truth.quits(qemu);
            runStates.end(qemu);
          }
          resolve();
        });
      }),
    listen: (_address, key) => tell(() => transfers.listen(qemu, key)),
    send: ({ port }, key, { allowPostcopy = false }) => tell(() => transfers.send(qemu, port, key, allowPostcopy)),
    forceSend: () => tell(() => transfers.force(qemu)),
    startPostcopy: () => tell(() => postcopy.start(qemu)),
    switchOver: () =>
      tell(() => {
        const { peer } = qemu;
        if (qemu.migration.startsWith('postcopy')) return;
        if (qemu.migration !== 'pre-switchover' || peer === undefined)
          throw new BrokerError('QEMU_REFUSED', 'it does not stand at pre-switchover');
        truth.switchesOver(qemu);
        // Now and then all was sent meanwhile, and nothing is left to be pulled.
        const pulled = qemu.pulled && pulls.chance(0.9);
        (pulled ? postcopy : transfers).switchOver(qemu, peer);
      }),
    cancelSend: () => tell(() => transfers.cancel(qemu)),
    // How often it is looked at changes nothing else.
    figures: () => tell(() => transfers.figures(qemu), added),
    ...checkpointsOf(by, qemu, life),
    onEvent(callback) {
      const listener = { life, callback };
      qemu.listeners.add(listener);
      return () => void qemu.listeners.delete(listener);
    },
  };
}
