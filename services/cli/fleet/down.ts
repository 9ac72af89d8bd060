import { rm } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { holdingFleet, openFleet } from './folder.ts';
import type { FleetLayout } from './layout.ts';
import { type QemuProcess, qemusUnder } from './proc.ts';
import { recordedNames, stopProcess, stopProgram } from './processes.ts';

export interface DownOptions {
  /** End VMs that run, too. */
  readonly force: boolean;
  /** Remove the folder with everything in it. */
  readonly remove: boolean;
}

/** What `down` ended. */
export interface Downed {
  readonly stopped: readonly string[];
  readonly vms: readonly string[];
}

/** The name QEMU was given (`-name NAME` or `-name guest=NAME`), else its process number. */
export function vmNameOf(qemu: QemuProcess): string {
  const given = qemu.args[qemu.args.indexOf('-name') + 1] ?? '';
  const name = given.split(',')[0]?.replace(/^guest=/, '');
  return qemu.args.includes('-name') && name !== undefined && name !== '' ? name : `process ${qemu.pid}`;
}

/** The QEMUs that run for a fleet. */
export const fleetVms = (layout: FleetLayout): QemuProcess[] => qemusUnder(`${layout.root}/hosts`);

/**
 * Stops the fleet in `root`: scheduler, brokers and authority, then VMs, then the bus. VM_STATE while VMs run and `force` was not
 * asked for; then nothing is stopped.
 */
export async function fleetDown(root: string, options: DownOptions): Promise<Downed> {
  const { layout } = openFleet(root);
  return holdingFleet(root, async () => {
    const running = fleetVms(layout);
    if (running.length > 0 && !options.force) {
      throw new BrokerError('VM_STATE', `VMs run in this fleet: ${running.map(vmNameOf).join(', ')}`, {
        hint: 'stop them first, or end them with `carnet fleet down --force`',
      });
    }
    const names = recordedNames(layout).filter((name) => name !== 'bus');
    const stopped = await stopAll(layout, names);
    // A broker may have started one more while it was being stopped.
    const vms = fleetVms(layout);
    await Promise.all(vms.map((vm) => stopProcess(vm)));
    stopped.push(...(await stopAll(layout, ['bus'])));
    if (options.remove) await rm(root, { recursive: true, force: true });
    return { stopped, vms: vms.map(vmNameOf) };
  });
}

async function stopAll(layout: FleetLayout, names: readonly string[]): Promise<string[]> {
  const outcomes = await Promise.all(names.map(async (name) => ({ name, was: await stopProgram(layout, name) })));
  return outcomes.filter(({ was }) => was === 'stopped').map(({ name }) => name);
}
