import { rm } from 'node:fs/promises';
import { BrokerError, faultOf } from '../../../../shared/errors/broker-error.ts';
import type { VmProcess } from '../../runtime/ports.ts';
import { type Controls, isGone } from './controls.ts';
import { killNow, waitGone } from './ended.ts';
import { loadDevices } from './load.ts';
import { saveLive } from './save.ts';
import { type RunState, settledRunState } from './settled.ts';
import { cancelSend, figures, forceSend, listen, send, startPostcopy, switchOver } from './transfer.ts';

/** How long QEMU may take to end after it was asked to, before it is killed. */
const quitMsMax = 5_000;
/** How long a QEMU that closed its monitor may take to be gone. */
const goneMsMax = 5_000;

/** A running QEMU as the broker's port has it. */
export function processOf(controls: Controls): VmProcess {
  const { record, execute } = controls;
  return {
    vm: record.vm,
    pid: record.pid,
    accelerator: record.accelerator,
    state: async () => spoken(await settledRunState(controls)),
    run: (options) => run(controls, options?.announce ?? false),
    async pause() {
      await execute('stop');
    },
    async powerDown() {
      await execute('system_powerdown');
    },
    quit: () => quit(controls),
    listen: (address, key, options) => listen(controls, address, key, options),
    send: (to, key, options) => send(controls, to, key, options),
    forceSend: () => forceSend(controls),
    startPostcopy: () => startPostcopy(controls),
    switchOver: () => switchOver(controls),
    cancelSend: () => cancelSend(controls),
    figures: () => figures(controls),
    saveLive: (streamPath, disks) => saveLive(controls, streamPath, disks),
    load: () => loadDevices(controls),
    onEvent: (callback) =>
      controls.onEvent((event) => {
        if (event.kind !== 'job') callback(event);
      }),
  };
}

/** QEMU's run states as Carnet says them. A guest that QEMU stopped because of an error is paused. */
function spoken(status: RunState): Awaited<ReturnType<VmProcess['state']>> {
  switch (status) {
    case 'running':
    case 'suspended':
      return 'running';
    case 'inmigrate':
      return 'incoming';
    case 'finish-migrate':
      return 'transferring';
    case 'postmigrate':
      return 'handed-over';
    case 'shutdown':
      return 'shutdown';
    default:
      return 'paused';
  }
}

/**
 * `cont` while a migration is coming in or going out would take effect later, when nobody decides any more: refused
 * with VM_STATE.
 */
async function run(controls: Controls, announce: boolean): Promise<void> {
  const status = await settledRunState(controls);
  if (status === 'inmigrate' || status === 'finish-migrate' || status === 'shutdown') {
    throw new BrokerError('VM_STATE', `${controls.record.vm} cannot run, QEMU is in ${status}`);
  }
  if (status !== 'running') await goOn(controls);
  if (!announce) return;
  try {
    await controls.execute('announce-self', { initial: 50, max: 550, rounds: 5, step: 100 });
  } catch (error) {
    if (faultOf(error).code !== 'QEMU_FAILED') throw error;
  }
}

/**
 * QEMU says RESUME before its CPUs go on (vm_prepare_start in its softmmu/cpus.c), over the connection on which it was told to
 * let them, and what it has said is read before its end is. So one that ended without having said it did not.
 */
async function goOn(controls: Controls): Promise<void> {
  let resumed = false;
  const stop = controls.onEvent((event) => {
    resumed ||= event.kind === 'resumed';
  });
  try {
    await controls.execute('cont');
  } catch (error) {
    if (resumed) return;
    const { host, record } = controls;
    const failed = faultOf(error).code === 'QEMU_FAILED';
    if (!failed || (await waitGone(host.clock, record, goneMsMax))) throw error;
    throw new BrokerError('QEMU_TIMEOUT', 'QEMU closed its monitor and does not end', { cause: error });
  } finally {
    stop();
  }
}

async function quit(controls: Controls): Promise<void> {
  const { host, record, place } = controls;
  controls.expectEnd();
  if (!isGone(controls)) {
    await controls.execute('quit', undefined, quitMsMax).catch(() => {});
    const gone = (await waitGone(host.clock, record, quitMsMax)) || (await killNow(host.clock, record));
    if (!gone) throw new BrokerError('QEMU_TIMEOUT', `QEMU's process ${record.pid} does not end`);
  }
  controls.release();
  await rm(place.dir, { recursive: true, force: true });
}
