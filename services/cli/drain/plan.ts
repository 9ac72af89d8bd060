import type { HostName, VmName } from '../../../shared/ids.ts';
import type { OperationView } from '../../../shared/messages/view.ts';

/** What a host would say to a VM. `refused` where policy says no; anything else is a fault. */
export type Verdict =
  | { readonly host: HostName; readonly takes: true }
  | { readonly host: HostName; readonly takes: false; readonly refused: boolean; readonly why: string };

/** A VM that has to leave a host. */
export interface VmToMove {
  readonly vm: VmName;
  readonly memoryMiB: number;
  readonly verdicts: readonly Verdict[];
  /** A migration that moves it already. */
  readonly underWay?: OperationView;
  /** Why it cannot be moved to any host as it is. */
  readonly stands?: string;
}

/** The hosts that would take a VM. */
export const takersOf = ({ verdicts }: VmToMove): HostName[] =>
  verdicts.filter(({ takes }) => takes).map(({ host }) => host);

/** The VMs that have nowhere to go. */
export const nowhereToGo = (vms: readonly VmToMove[]): VmToMove[] =>
  vms.filter((vm) => vm.underWay === undefined && takersOf(vm).length === 0);

/** Why a VM has nowhere to go, a line for each host. */
export const whyNot = ({ verdicts, stands }: VmToMove): string[] =>
  stands !== undefined
    ? [stands]
    : verdicts.length === 0
      ? ['there is no other host']
      : verdicts.flatMap((verdict) => (verdict.takes ? [] : [`${verdict.host}: ${verdict.why}`]));

/**
 * Of the hosts that would take a VM the one that was tried least, and of those the least loaded; by name where two are
 * alike. None that was tried `attemptsMax` times.
 */
export function leastTried(
  takers: readonly HostName[],
  tries: ReadonlyMap<HostName, number>,
  attemptsMax: number,
  loads: ReadonlyMap<HostName, number>,
): HostName | undefined {
  const of = (counts: ReadonlyMap<HostName, number>, host: HostName) => counts.get(host) ?? 0;
  return takers
    .filter((host) => of(tries, host) < attemptsMax)
    .toSorted((a, b) => of(tries, a) - of(tries, b) || of(loads, a) - of(loads, b) || (a < b ? -1 : 1))[0];
}

/**
 * Where each VM is to go first: the largest chooses first, each the least loaded of the hosts that take it, which then is
 * more loaded. `loads` is changed to what it will be.
 */
export function spread(vms: readonly VmToMove[], loads: Map<HostName, number>): Map<VmName, HostName> {
  const chosen = new Map<VmName, HostName>();
  for (const one of vms.toSorted((a, b) => b.memoryMiB - a.memoryMiB || (a.vm < b.vm ? -1 : 1))) {
    const host = one.underWay === undefined ? leastTried(takersOf(one), new Map(), 1, loads) : undefined;
    if (host === undefined) continue;
    chosen.set(one.vm, host);
    loads.set(host, (loads.get(host) ?? 0) + one.memoryMiB);
  }
  return chosen;
}
