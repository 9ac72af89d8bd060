import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { type Controls, endedError, isGone, watchFor } from './controls.ts';
import { fileCapabilities, setCapabilities, setParameters } from './migration-settings.ts';

const loadMsMax = 60_000;

/**
 * Restore: loads the device state from the descriptor QEMU was started with; the guest stays paused. `loadMs` is from
 * the order to loaded. Rejects with VM_STATE for a QEMU that was not started for a restore, QEMU_FAILED where QEMU
 * cannot load what it is given: this QEMU then ends, as none can go on with half a state.
 */
export async function loadDevices(controls: Controls): Promise<{ loadMs: number }> {
  const { devicesFd } = controls.record;
  if (devicesFd === undefined) throw new BrokerError('VM_STATE', 'QEMU was not started to restore a checkpoint');
  await setCapabilities(controls, fileCapabilities);
  await setParameters(controls);
  const loaded = watchFor(controls, loadMsMax, 'loading the device state', (event) =>
    event.kind === 'migration' && (event.status === 'completed' || event.status === 'failed') ? event : undefined,
  );
  const begunMs = performance.now();
  try {
    await controls.execute('migrate-incoming', { uri: `fd:${devicesFd}` });
    const event = await loaded.found;
    if (event.status === 'failed') throw endedError(controls, 'loading the device state');
  } catch (error) {
    if (isGone(controls)) throw endedError(controls, 'loading the device state');
    throw error;
  } finally {
    loaded.stop();
  }
  return { loadMs: performance.now() - begunMs };
}
