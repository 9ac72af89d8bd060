import type { Fault } from '../../../shared/errors/broker-error.ts';

/*
 * How a transfer goes, judged by its figures alone. It stalls where nothing is sent at all: the line is dead, whatever the hosts
 * think. It does not converge where pass after pass leaves as much to be sent as the one before: the guest writes faster than
 * can be sent. A pass is counted by what it begins with, as at its end there is always little left.
 */

/** After how long without a byte a transfer is given up. */
const stalledMsMax = 60_000;
/** How many passes may go by without a new minimum before it is said that it does not converge, and how long that may last. */
const fruitlessPassesMax = 3;
const notConvergingMsMax = 5 * 60_000;

/** What is remembered of a transfer from one look to the next. */
export interface Course {
  readonly transferredBytes: number;
  readonly passes: number;
  /** The least that a pass began with, and how many have begun with no less since. */
  readonly leastBytes: number;
  readonly fruitlessPasses: number;
  readonly stalledForMs: number;
  readonly notConvergingForMs: number;
}

/** The figures that are looked at; `passes` counts those that have begun. */
interface Look {
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  readonly passes: number;
}

export const courseBegins: Course = {
  transferredBytes: 0,
  passes: 0,
  leastBytes: Number.POSITIVE_INFINITY,
  fruitlessPasses: 0,
  stalledForMs: 0,
  notConvergingForMs: 0,
};

/** The course after another look, `elapsedMs` after the last. Where QEMU gives no figures nothing is taken to have been sent. */
export function courseAfter(course: Course, look: Look | undefined, elapsedMs: number): Course {
  const sent = look !== undefined && look.transferredBytes > course.transferredBytes;
  const begun = look === undefined ? 0 : Math.max(0, look.passes - course.passes);
  const leastBytes =
    look !== undefined && begun > 0 ? Math.min(look.remainingBytes, course.leastBytes) : course.leastBytes;
  const fruitlessPasses = leastBytes < course.leastBytes ? 0 : course.fruitlessPasses + begun;
  return {
    transferredBytes: look?.transferredBytes ?? course.transferredBytes,
    passes: course.passes + begun,
    leastBytes,
    fruitlessPasses,
    stalledForMs: sent ? 0 : course.stalledForMs + elapsedMs,
    notConvergingForMs: fruitlessPasses < fruitlessPassesMax ? 0 : course.notConvergingForMs + elapsedMs,
  };
}

/** What is to be done about it: nothing, or why it does not go on like that. */
export function verdictOn(
  course: Course,
): { readonly is: 'stalled' | 'not-converging'; readonly fault: Fault } | undefined {
  if (course.stalledForMs >= stalledMsMax) {
    return {
      is: 'stalled',
      fault: { code: 'TRANSFER_STALLED', message: `no byte was sent for ${stalledMsMax / 1000} s` },
    };
  }
  if (course.notConvergingForMs >= notConvergingMsMax) {
    return {
      is: 'not-converging',
      fault: {
        code: 'TRANSFER_STALLED',
        message: 'the transfer does not converge: the guest writes faster than its memory can be sent',
        hint: '--auto-converge slows the guest down, --on-timeout force pauses it',
      },
    };
  }
  return undefined;
}
