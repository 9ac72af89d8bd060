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
  const { added, fenced, time, truth, log, hosts, owners } = fleet;
  const dead: SimHost[] = [];
  let words = 0;
  let mending = false;

  /** The host is off until everything else was mended; false where it was off before. */
  function die(host: SimHost): boolean {
    if (host.broker === undefined || mending) return false;
    log.info('FAULT a host dies for good', { host: host.name });
    stopHost(fleet, host);
    fleet.dead.add(host.name);
    dead.push(host);
    return true;
  }

  function dieAndBeFenced(): void {
    const host = added.pick(hosts);
    if (!die(host)) return;
    const count = added.between(1, 3);
    words += count;
    for (let left = count; left > 0; left--) {
      time.after(added.between(1, 60_000), () => void say(host, added.pick(fleet.vms)).then(said));
    }
    if (hosts.length < 3 || !fenced.chance(0.2)) return;
    // Of a fleet that has lost more than one host the word has to be given about each.
    time.after(fenced.between(1, 30_000), () => void die(fenced.pick(hosts.filter((other) => other !== host))));
  }

  const said = () => {
    words -= 1;
  };

  async function say({ name }: SimHost, vm: VmName): Promise<void> {
    const living = hosts.filter((host) => !fleet.dead.has(host.name));
    if (living.length === 0) return;
    const at = added.pick(living).name;
    const alsoFenced = dead.filter((host) => host.name !== name).map((host) => hostId(host.name));
    const also = alsoFenced.length === 0 ? {} : { alsoFenced };
    await ask(at, { verb: 'recover', vm, fenced: hostId(name), ...also, memory: memoryOf(at, vm) });
    if (added.chance(0.6)) await ask(at, { verb: 'start', vm });
  }

  /** Whether the guest that is in doubt at a host is the newest there is. */
  function memoryOf(host: string, vm: VmName): 'keep' | 'drop' {
    const qemu = fleet.machines.of(host).get(vm);
    return qemu !== undefined && qemu.version === truth.need(vm).newest ? 'keep' : 'drop';
  }

  /** Somebody asks what would be done, and gives no word: nothing is done. */
  function wonder(): void {
    const vm = added.pick(fleet.vms);
    void ask(added.pick(hosts).name, { verb: 'recover', vm });
  }

  /** The server loses power just after a VM moved, and the host it left never comes back: the record names that host. */
  function leftForgotten(): void {
    fleet.atNextMove = (_, vm, before) =>
      void time.after(fenced.between(1, 60), () => {
        const host = hosts.find(({ name }) => name === before);
        if (host === undefined || !die(host)) return;
        log.info('FAULT and the bucket forgets that it gave a VM away', { vm });
        owners.rewind(1);
        words += 1;
        time.after(fenced.between(1, fenced.pick([200, 40_000])), () => void say(host, vm).then(said));
      });
  }

  if (added.chance(0.08)) time.after(added.between(0, added.pick([300, 20_000])), dieAndBeFenced);
  if (added.chance(0.15)) time.after(added.between(0, 5_000), wonder);
  if (hosts.length > 2 && owners.replicas < 3 && fenced.chance(0.1)) leftForgotten();

  return {
    done: () => dead.length === 0 && words === 0,
    mended() {
      mending = true;
      for (const host of dead) {
        time.after(untilToldAgainMs, () => {
          log.info('a host that was fenced comes back', { host: host.name });
          fleet.dead.delete(host.name);
          startBroker(fleet, host);
          dead.splice(dead.indexOf(host), 1);
        });
      }
    },
  };
}
