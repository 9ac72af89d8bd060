import type { HostName, VmName } from '../../../shared/ids.ts';
import type { Client } from '../client/client.ts';
import { each, loadsOf, lookAt, operationOf, vmsOn } from '../drain/look.ts';
import { type Move, moveAll } from '../drain/move.ts';
import { nowhereToGo, takersOf, type VmToMove } from '../drain/plan.ts';
import { liveTable, renderMoves, renderPlan } from '../render/drain.ts';
import { type Ending, exits } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { answered } from './answered.ts';

export interface DrainOptions {
  readonly dryRun?: boolean;
  readonly partial?: boolean;
  readonly cancel?: boolean;
}

/** VMs that came while others were moved away are looked at again, so often. */
const roundsMax = 5;

/** A host that cannot run a VM, where no policy says no. */
const incompatible = 10;

/**
 * Empties a host: says first which VMs have nowhere to go and why, marks the host, and moves what runs there. Done again it
 * goes on with what is under way.
 */
export async function drain(session: Session, host: HostName, options: DrainOptions): Promise<Ending | undefined> {
  const client = await session.connect();
  if (options.cancel === true) return cancelDrain(session, client, host);
  const vms = await lookAt(client, host, await runningOn(client, host));
  const stuck = nowhereToGo(vms);
  const refused = stuck.some(({ verdicts }) => verdicts.some((verdict) => !verdict.takes && verdict.refused));
  const no: Ending | undefined =
    stuck.length === 0 ? undefined : { is: 'no', status: refused ? exits.refused : incompatible };
  if (options.dryRun === true) {
    await showPlan(session, host, vms);
    return no;
  }
  if (no !== undefined && options.partial !== true) {
    await showPlan(session, host, vms);
    session.note(`${stuck.length} of ${vms.length} VMs have nowhere to go; --partial moves the others\n`);
    return no;
  }
  if (vms.length > 0) session.note(renderPlan(vms, session.noteStyle));
  const marked = answered(host, await client.ask(host, { verb: 'drain' }), 'done');
  if (!marked.ok) return marked.ending;
  session.note(`${host} takes nothing in any more: carnet host undrain ${host}\n`);
  return moveRounds(session, client, host, vms);
}

async function moveRounds(
  session: Session,
  client: Client,
  host: HostName,
  first: readonly VmToMove[],
): Promise<Ending | undefined> {
  const interrupted = new AbortController();
  const stopListening = session.io.onInterrupt(() => interrupted.abort());
  const show = liveTable(session.io.stderr);
  const all: Move[] = [];
  const seen = new Set<VmName>();
  try {
    let vms: readonly VmToMove[] = first;
    for (let round = 0; round < roundsMax && vms.length > 0; round++) {
      for (const { vm } of vms) seen.add(vm);
      const before = [...all];
      const moves = await moveAll(client, host, vms, await loadsOf(client, host), {
        signal: interrupted.signal,
        onChange: (now) => {
          if (session.options.quiet !== true) show(renderMoves([...before, ...now], session.noteStyle));
        },
      });
      all.push(...moves);
      if (interrupted.signal.aborted) break;
      const more = (await runningOn(client, host)).filter(({ vm }) => !seen.has(vm));
      vms = more.length === 0 ? [] : await lookAt(client, host, more);
    }
  } finally {
    stopListening();
  }
  return conclude(session, host, all, interrupted.signal.aborted);
}

async function conclude(
  session: Session,
  host: HostName,
  moves: readonly Move[],
  detached: boolean,
): Promise<Ending | undefined> {
  const moved = moves.flatMap(({ vm, to, end }) => (end?.moved === true ? [{ vm, to }] : []));
  const left = moves.flatMap(({ vm, end }) => (end?.moved === false ? [{ vm, why: end.why }] : []));
  const underWay = moves.filter(({ end }) => end === undefined).map(({ vm }) => vm);
  await session.show({
    key: 'drain',
    value: { host, moved, left, underWay },
    name: moved.map(({ vm }) => vm).join('\n'),
    table: (style) =>
      left.map(({ vm, why }) => `${style.bad('✗')} ${vm} is still on ${host}: ${why}\n`).join('') +
      `${left.length + underWay.length === 0 ? style.good('✓') : style.warn('■')} ${moved.length} moved away from ${host}, ${left.length} left, ${underWay.length} under way\n`,
  });
  if (detached) {
    session.note(`detached; ${underWay.length} go on: carnet host drain ${host} follows them\n`);
    return { is: 'no', status: exits.detached };
  }
  return left.length === 0 ? undefined : { is: 'no', status: exits.partial };
}

/** The VMs that have to leave; one that is stopped is nothing that could be moved. */
const runningOn = async (client: Client, host: HostName) =>
  (await vmsOn(client, host)).filter(({ state }) => state !== 'stopped');

const showPlan = (session: Session, host: HostName, vms: readonly VmToMove[]): Promise<void> =>
  session.show({
    key: 'drain',
    value: {
      host,
      vms: vms.map((one) => ({ vm: one.vm, memoryMiB: one.memoryMiB, takers: takersOf(one), verdicts: one.verdicts })),
      nowhere: nowhereToGo(vms).map(({ vm }) => vm),
    },
    name: vms.map(({ vm }) => vm).join('\n'),
    table: (style) => (vms.length === 0 ? `nothing runs on ${host}\n` : renderPlan(vms, style)),
  });

/** Gives up the migrations that a drain began and takes the mark away. What can only go forward does. */
async function cancelDrain(session: Session, client: Client, host: HostName): Promise<Ending | undefined> {
  const vms = await runningOn(client, host);
  const begun = (await each(vms, ({ vm }) => operationOf(client, host, vm))).filter((one) => one?.drain === true);
  const cancelled: VmName[] = [];
  const goingOn: VmName[] = [];
  for (const view of begun) {
    if (view === undefined) continue;
    const answer = await client.ask(host, { verb: 'cancel', operation: view.operation });
    (answer.is === 'done' ? cancelled : goingOn).push(view.vm);
  }
  const unmarked = answered(host, await client.ask(host, { verb: 'undrain' }), 'done');
  if (!unmarked.ok) return unmarked.ending;
  await session.show({
    key: 'drain',
    value: { host, cancelled, goingOn },
    name: cancelled.join('\n'),
    table: (style) =>
      `${style.good('✓')} ${host} takes VMs in again; ${cancelled.length} migrations cancelled, ${goingOn.length} can only go forward\n`,
  });
  return undefined;
}
