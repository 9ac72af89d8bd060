import type { HostName } from '../../../shared/ids.ts';
import type { Waits } from '../../../shared/messages/view.ts';
import type { State } from '../machine/row.ts';
import type { AnyKind, OperationRecord } from './kind.ts';

/*
 * A state that must be left for good tries again without an end. Whoever looks is told how it stands; after so many attempts
 * it is called stuck, and somebody has to look.
 */
export const stuckAfter = 8;

/** Why an operation does not go on, where it stays in a state that tries again: what failed, how often, and what would help. */
export function waitsOf(kind: AnyKind, record: OperationRecord): Waits | undefined {
  const { state } = record;
  const triesAgain = kind.table.find(state.state, 'deadline-passed')?.to === state.state;
  if (record.endedAtMs !== null || !triesAgain) return undefined;
  const usual =
    state.state === 'pulling' ? record.lastFault === null : record.retries === 0 && record.lastFault === null;
  if (!alwaysWaits.includes(state.state) && usual) return undefined;
  const peer = peerOf(state);
  const attempts = record.retries + 1;
  return {
    for: state.state,
    ...(peer === undefined ? {} : { peer }),
    sinceMs: record.sinceMs,
    attempts,
    nextAtMs: record.deadlineAtMs,
    lastFault: record.lastFault,
    stuck: attempts >= stuckAfter,
    remedy: remedyOf(state.state, record.vm, peer),
  };
}

/** States that are shown as soon as they are come to. */
const alwaysWaits: readonly string[] = ['in-doubt', 'cut-off', 'deciding-postcopy-run'];

/** The other host of a migration. */
function peerOf(state: State): HostName | undefined {
  const { destination, source } = state as { destination?: HostName; source?: HostName };
  return destination ?? source;
}

function remedyOf(state: string, vm: string, peer: HostName | undefined): string {
  switch (state) {
    case 'in-doubt':
      return `bring ${peer} and its way to the bus back; if ${peer} has died for good: carnet vm recover ${vm} --fence-confirmed`;
    case 'pulling':
      return `bring ${peer} and its way to here back; its guest needs what is still to be pulled`;
    case 'cut-off':
      return `what is still to be pulled from ${peer} does not come any more: give it up with carnet vm stop ${vm} --force, and start it or restore its checkpoint`;
    case 'deciding-postcopy-run':
      return 'the guest is nowhere else any more: it goes on when the policy of this host allows it to run';
    case 'awaiting-postcopy':
      return `${peer} has still to hand it over; if ${peer} has died for good, its memory is lost: carnet vm recover ${vm} --fence-confirmed, on a host with a checkpoint of it`;
    case 'claiming':
    case 'taking-back':
      return 'it goes on when the bus takes the owner record again';
    case 'abandoning':
      return 'it goes on when the files of the checkpoint can be removed';
    case 'undoing':
      return 'it goes on when the bus takes the owner record again and the QEMU here has ended';
    default:
      return 'it goes on when the QEMU here answers, or has ended';
  }
}
