import type { Waits } from '../../../shared/messages/view.ts';
import type { Style } from './style.ts';
import { timeText } from './units.ts';

/** What the words on the wire mean; an operation that stays in a state it tries again is told by its state. */
function subjectOf({ for: what, peer }: Waits): string {
  switch (what) {
    case 'qemu':
      return 'for its QEMU, which is there and does not answer';
    case 'bus':
      return 'for the bus: its owner record cannot be read';
    case 'record':
      return 'for its owner record';
    case 'owner':
      return `for nothing here: it belongs to ${peer} now`;
    case 'let-go':
      return `for ${peer}, to which it was let go`;
    case 'in-doubt':
      return `in doubt whether ${peer} runs it: it was handed over, and no answer came`;
    case 'pulling':
      return `for the rest of its memory to go over, with ${peer}`;
    case 'cut-off':
      return `in vain for the rest of its memory: the way to ${peer} was cut`;
    case 'deciding-postcopy-run':
      return 'for policy to let it run here, as it can run nowhere else';
    case 'taking-back':
      return `to be taken back from ${peer}`;
    case 'clearing':
      return `for its copy here to end; ${peer} runs it`;
    default:
      return `${what}, again and again`;
  }
}

/** Why something does not go on, as lines of a view: what it waits for, how it went so far, and what would help. */
export function waitsRows(waits: Waits | undefined, style: Style): [string, string | undefined][] {
  if (waits === undefined) return [];
  const { sinceMs, attempts, nextAtMs, lastFault, stuck, remedy } = waits;
  const tries = attempts === 0 ? '' : `, attempt ${attempts}`;
  const next = nextAtMs === null ? '' : `, next at ${timeText(nextAtMs)}`;
  const since = sinceMs === null ? '' : ` (since ${timeText(sinceMs)}${tries}${next})`;
  const sentence = `${subjectOf(waits)}${since}`;
  return [
    ['waits', stuck ? style.bad(`stuck: ${sentence}`) : style.warn(sentence)],
    ['last fault', lastFault === null ? undefined : `${lastFault.message} [${lastFault.code}]`],
    ['what helps', remedy],
  ];
}
