import { setTimeout as delay } from 'node:timers/promises';
import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { HostName } from '../../../shared/ids.ts';
import { limits } from '../../../shared/limits.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import type { Client } from '../client/client.ts';
import { each, migration, operationOf } from './look.ts';
import { leastTried, nowhereToGo, spread, takersOf, type VmToMove, whyNot } from './plan.ts';

/** How a VM is moved: where to, what is known of its migration, and how it ended. */
export interface Move {
  readonly vm: VmToMove['vm'];
  to: HostName | undefined;
  view: OperationView | undefined;
  /** Why it is not under way yet. */
  waits: string | undefined;
  end: { readonly moved: true } | { readonly moved: false; readonly why: string } | undefined;
}

const pollMs = 2_000;
/** How often a host that would take a VM is tried where what fails is no refusal, such as a broker that was started again. */
const attemptsMax = 3;

/**
 * Moves VMs away from a host, all at once: its broker lets them wait for their turn. One that is refused or fails is tried on
 * the next host that would take it, one that failed also there again; one that somebody cancels is left. Answers with how each went, or how far it was when
 * `signal` says that nobody looks any more: what is under way goes on.
 */
export async function moveAll(
  client: Client,
  source: HostName,
  vms: readonly VmToMove[],
  loads: Map<HostName, number>,
  { signal, onChange }: { readonly signal: AbortSignal; readonly onChange: (moves: readonly Move[]) => void },
): Promise<readonly Move[]> {
  const first = spread(vms, loads);
  const tried = new Map(vms.map(({ vm }) => [vm, new Map<HostName, number>()]));
  const moves = vms.map(
    (one): Move => ({
      vm: one.vm,
      to: one.underWay?.peer ?? first.get(one.vm),
      view: one.underWay,
      waits: undefined,
      end: nowhereToGo([one]).length === 0 ? undefined : { moved: false, why: whyNot(one).join('; ') },
    }),
  );
  const changed = () => onChange(moves);

  async function begin(move: Move): Promise<void> {
    if (move.to === undefined) return;
    const answer = await client.ask(source, migration(move.vm, move.to, limits.queueMsMax));
    if (answer.is === 'accepted') {
      move.waits = undefined;
      const view = await client.ask(source, { verb: 'operation', operation: answer.operation });
      if (view.is === 'operation') take(move, view.operation);
    } else if (answer.is === 'failed' && answer.fault.code === 'VM_BUSY') {
      const other = await operationOf(client, source, move.vm);
      if (other?.kind === 'migrate-source') take(move, other);
      else move.waits = `waits for ${other?.kind ?? 'another request'}`;
    } else if (answer.is === 'failed' && answer.fault.code === 'QUEUE_FULL') move.waits = 'waits for the queue';
    else if (answer.is === 'failed') next(move, answer.fault.message, false);
    else next(move, `${source} answered ${answer.is}`, true);
  }

  function take(move: Move, view: OperationView): void {
    move.view = view;
    move.to = view.peer ?? move.to;
    const { outcome } = view;
    if (outcome === null) return;
    if (outcome.is === 'completed') move.end = { moved: true };
    else if (outcome.is === 'cancelled') move.end = { moved: false, why: 'it was cancelled' };
    else if (outcome.is === 'failed') next(move, outcome.fault.message, false);
    else next(move, `${outcome.decision.host} refuses`, true);
  }

  /** The next host that would take it; it is left where there is none. A host that refused it is not asked again. */
  function next(move: Move, why: string, refused: boolean): void {
    const tries = tried.get(move.vm) ?? new Map<HostName, number>();
    if (move.to !== undefined) tries.set(move.to, refused ? attemptsMax : (tries.get(move.to) ?? 0) + 1);
    const found = vms.find(({ vm }) => vm === move.vm);
    const to = found === undefined ? undefined : leastTried(takersOf(found), tries, attemptsMax, loads);
    move.view = undefined;
    if (to === undefined) move.end = { moved: false, why };
    else {
      move.to = to;
      move.waits = `not to the last one: ${why}`;
    }
  }

  async function lookAgain(move: Move): Promise<void> {
    try {
      if (move.view === undefined) await begin(move);
      else {
        const answer = await client.ask(source, { verb: 'operation', operation: move.view.operation });
        if (answer.is === 'operation') take(move, answer.operation);
        else if (answer.is === 'failed' && answer.fault.code === 'OPERATION_UNKNOWN')
          next(move, answer.fault.message, false);
      }
    } catch (error) {
      // A broker that is away goes on when it is back: its journal has what was begun.
      if (!(error instanceof BrokerError) || !error.code.startsWith('BUS_')) throw error;
      move.waits = faultOf(error).message;
    }
  }

  const stopUpdates = client.onUpdate((view, from) => {
    const move = moves.find((one) => one.view?.operation === view.operation && one.end === undefined);
    if (from !== source || move === undefined) return;
    take(move, view);
    changed();
  });
  try {
    while (!signal.aborted) {
      await each(
        moves.filter(({ end }) => end === undefined),
        lookAgain,
      );
      changed();
      if (moves.every(({ end }) => end !== undefined)) break;
      await delay(pollMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    stopUpdates();
  }
  return moves;
}
