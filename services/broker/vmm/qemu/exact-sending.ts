import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Address } from './address.ts';
import { beginSending } from './begin-sending.ts';
import type { Controls } from './controls.ts';
import { type Parameters, setParameters } from './migration-settings.ts';
import { settledRunState } from './settled.ts';

/*
 * Under TCG, QEMU loses writes to a guest's memory while it migrates it. A vCPU marks a page as dirty only where its TLB
 * says that the page is clean. To collect the dirty pages is to clear their marks, but before QEMU 9.0 that leaves the TLBs
 * as they are: what a vCPU goes on writing to a page is not noticed, and when that page is sent in between, the destination
 * is left with the older one. (Mended by "physmem: Fix migration dirty bitmap coherency with TCG memory access"; a vCPU
 * that marks a page in that same instant escapes later versions too.) An idle Linux was seen to arrive with a dozen stale
 * pages. Under KVM the processor keeps the marks, and nothing of this holds.
 *
 * Nothing is lost where QEMU collects only while the guest is paused, or pauses it before it sends another page. So an
 * emulated guest is paused for the first collection, with which QEMU empties the TLBs, and the next one is the last.
 */

/** A page in a tenth of a second: the transfer must not be over before the guest runs again. */
const trickle = { bandwidthBytesPerSecond: 10, downtimeMsMax: 0 };
/** The longest `downtime-limit` QEMU takes. */
const downtimeMsLongest = 2_000_000;

/**
 * The limit with which QEMU collects the dirty pages of a running guest once more at most, and pauses it then. With 0,
 * QEMU 7 sends all memory once and pauses the guest before it looks again. Later versions then look again and again; with
 * the longest limit they look after a tenth of a second and pause the guest at once.
 */
const exactLimitMs = (qemuVersion: string): number => (Number.parseInt(qemuVersion, 10) < 8 ? 0 : downtimeMsLongest);

/**
 * Has QEMU migrate so that no write of an emulated guest is lost: its downtime is then as long as it takes, and it is
 * paused until the transfer has begun. Resolves also where that fails at once, as an event says so. Rejects with
 * QEMU_TIMEOUT where the destination does not answer: the transfer is given up then. VM_STATE for a guest that does not
 * run. Whatever happens, the guest runs afterwards.
 */
export async function sendExactly(controls: Controls, to: Address, parameters: Parameters): Promise<void> {
  const { execute, host, record } = controls;
  const status = await settledRunState(controls);
  if (status !== 'running') throw new BrokerError('VM_STATE', `${record.vm} is not running but ${status}`);
  try {
    await setParameters(controls, { ...parameters, ...trickle });
    await execute('stop');
    await beginSending(controls, to);
  } catch (error) {
    // After the transfer was called off, as what the guest wrote to one that begins later would be lost; not waited for, see there.
    void execute('cont').catch(() => {});
    throw error;
  }
  await execute('cont');
  await setParameters(controls, { ...parameters, downtimeMsMax: exactLimitMs(host.qemuVersion) });
}
