import type { VmName } from '../../shared/ids.ts';
import type { Request } from '../../shared/messages/request.ts';
import { hostId } from '../support/values.ts';
import { type Fleet, stopHost } from './fleet.ts';
import { type SimHost, startBroker } from './host.ts';

/*
 * An operator who says that a host is off for good only when it is, and tells truly whether a guest in doubt ran there. The host
 * comes back all the same, much later, and must find that its VMs are somebody else's.
 */

export interface Operator {
  /** False while a host is off that is still to come back. */
  done(): boolean;
  /** To be called when everything else is mended. */
  mended(): void;
}

type Ask = (host: string, request: Request) => Promise<unknown>;

/** How long a bus with one copy of the records has to be told again before the dead host comes back, in ms. */
const untilToldAgainMs = 120_000;

export function createOperator(fleet: Fleet, ask: Ask): Operator {
  const { added, time, truth, log } = fleet;
  let dead: SimHost | undefined;
  let words = 0;
  let mending = false;

  function die(): void {
    const host = added.pick(fleet.hosts);
    if (host.broker === undefined || mending) return;
    log.info('FAULT a host dies for good', { host: host.name });
    stopHost(fleet, host);
    fleet.dead.add(host.name);
    dead = host;
    words = added.between(1, 3);
    for (let left = words; left > 0; left--) time.after(added.between(1, 60_000), () => void say(host));
  }

  async function say({ name }: SimHost): Promise<void> {
    const vm = added.pick(fleet.vms);
    const at = added.pick(fleet.hosts.filter((host) => host.name !== name)).name;
    await ask(at, { verb: 'recover', vm, fenced: hostId(name), memory: memoryOf(at, vm) });
    if (added.chance(0.6)) await ask(at, { verb: 'start', vm });
    words -= 1;
  }

  /** Whether the guest that is in doubt at a host is the newest there is. */
  function memoryOf(host: string, vm: VmName): 'keep' | 'drop' {
    const qemu = fleet.machines.of(host).get(vm);
    return qemu !== undefined && qemu.version === truth.need(vm).newest ? 'keep' : 'drop';
  }

  /** Somebody asks what would be done, and gives no word: nothing is done. */
  function wonder(): void {
    const vm = added.pick(fleet.vms);
    void ask(added.pick(fleet.hosts).name, { verb: 'recover', vm });
  }

  if (added.chance(0.08)) time.after(added.between(0, added.pick([300, 20_000])), die);
  if (added.chance(0.15)) time.after(added.between(0, 5_000), wonder);

  return {
    done: () => dead === undefined && words === 0,
    mended() {
      mending = true;
      const host = dead;
      if (host === undefined) return;
      time.after(untilToldAgainMs, () => {
        log.info('a host that was fenced comes back', { host: host.name });
        fleet.dead.delete(host.name);
        startBroker(fleet, host);
        dead = undefined;
      });
    },
  };
}
