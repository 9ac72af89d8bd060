import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { DiskCopy } from '../../runtime/ports.ts';
import { type Controls, migrationOf, watchFor } from './controls.ts';
import { type CopyTarget, closeTargets, openTargets, startCopies } from './disk-copies.ts';
import { checkSocketPath } from './host.ts';
import { fileCapabilities, setCapabilities, setParameters, snapshotCapabilities } from './migration-settings.ts';
import { openRelay, type Relay } from './relay.ts';
import { settledRunState } from './settled.ts';
import { cancelSend, waitOver } from './transfer.ts';

/** How long a checkpoint may take in all. */
const saveMsMax = 30 * 60_000;
/** How long QEMU may take to write what nobody wants any more. */
const dropMsMax = 60_000;

/**
 * Live checkpoint: see the port. QEMU's background snapshot keeps the guest paused only while it writes down the
 * devices: memory is then written behind the running guest's back, a page before the guest changes it. Where the kernel
 * does not let QEMU do that the guest stays paused until all is written, and `pauseMs` says so. It takes userfaultfd
 * write protection, which there is not for a privately mapped file, as a restored guest's memory is, and which an
 * unprivileged QEMU gets with vm.unprivileged_userfaultfd=1 only.
 *
 * Rejects with VM_STATE unless the guest runs, TRANSFER_FAILED where nobody takes the memory in, QEMU_FAILED where a disk
 * could not be copied, QEMU_TIMEOUT after half an hour. After any fault but the end of QEMU itself the guest runs.
 */
export async function saveLive(
  controls: Controls,
  streamPath: string,
  disks: readonly DiskCopy[],
): Promise<{ pauseMs: number }> {
  checkSocketPath(streamPath);
  const status = await settledRunState(controls);
  if (status !== 'running') throw new BrokerError('VM_STATE', `${controls.record.vm} is not running but ${status}`);
  const targets = await openTargets(controls, disks);
  let relay: Relay | undefined;
  try {
    const live = await snapshotPossible(controls);
    await setParameters(controls);
    if (live) relay = await openRelay(controls.place.memoryPath, streamPath);
    return await save(controls, streamPath, targets, relay);
  } catch (error) {
    await goOn(controls, relay);
    throw error;
  } finally {
    await closeTargets(controls, targets);
    await setCapabilities(controls, fileCapabilities).catch(() => {});
  }
}

async function snapshotPossible(controls: Controls): Promise<boolean> {
  try {
    await setCapabilities(controls, snapshotCapabilities);
    return true;
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'QEMU_REFUSED') throw error;
    await setCapabilities(controls, fileCapabilities);
    return false;
  }
}

async function save(controls: Controls, streamPath: string, targets: readonly CopyTarget[], relay?: Relay) {
  const stopped = watchFor(controls, saveMsMax, 'the pause', (e) => (e.kind === 'stopped' ? e.atMs : undefined));
  const resumed = watchFor(controls, saveMsMax, 'the guest going on', (e) =>
    e.kind === 'resumed' ? e.atMs : undefined,
  );
  const written = watchFor(controls, saveMsMax, 'writing the memory', (event) =>
    event.kind === 'migration' && ['completed', 'failed', 'cancelled'].includes(event.status)
      ? event.status
      : undefined,
  );
  try {
    await controls.execute('stop');
    const copied = await startCopies(controls, targets, saveMsMax);
    if (relay === undefined) await copied();
    await controls.execute('migrate', { uri: `unix:${relay?.path ?? streamPath}` });
    if ((await written.found) !== 'completed') throw await failed(controls);
    if (relay === undefined) await letRun(controls);
    else if (await relay.delivered) await copied();
    else throw new BrokerError('TRANSFER_FAILED', 'the memory was not taken in to its end');
    return { pauseMs: (await resumed.found) - (await stopped.found) };
  } finally {
    for (const watch of [stopped, resumed, written]) watch.stop();
  }
}

async function failed(controls: Controls): Promise<BrokerError> {
  const { status, error } = await migrationOf(controls);
  return new BrokerError('TRANSFER_FAILED', `QEMU could not write the memory: ${error ?? status}`);
}

/** QEMU lets a guest go on only once it has finished what it says it has completed. */
async function letRun(controls: Controls): Promise<void> {
  await settledRunState(controls);
  await controls.execute('cont');
}

/** After a fault: nothing is being written any more, and the guest runs. A snapshot is not to be cancelled, see `Relay`. */
async function goOn(controls: Controls, relay?: Relay): Promise<void> {
  relay?.drop();
  if (relay === undefined) await cancelSend(controls).catch(() => {});
  else await waitOver(controls, dropMsMax).then(relay.end, () => {});
  const status = await settledRunState(controls).catch(() => undefined);
  if (status !== undefined && status !== 'running') await letRun(controls).catch(() => {});
}
