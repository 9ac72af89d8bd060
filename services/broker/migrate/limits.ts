import type { MigrateOptions } from '../../../shared/messages/migrate-options.ts';

const second = 1000;
const minute = 60 * second;

/** How long a transfer may take where nothing was said. */
const usualTimeoutMs = 60 * minute;
/** How long a paused guest may wait until the rest of its memory is sent. */
export const forcingMsMax = 5 * minute;
/** How much longer than its source a destination waits. */
const destinationWaitsMs = 5 * minute;

/** How long the memory may be on its way while the guest runs. */
export const transferMsMax = ({ timeoutMs }: MigrateOptions): number => timeoutMs ?? usualTimeoutMs;

/** How long the destination may wait for the end of it, whatever is done at its timeout. */
export const receivingMsMax = (options: MigrateOptions): number =>
  transferMsMax(options) + forcingMsMax + destinationWaitsMs;

/**
 * What happens when its time is over or it does not converge: it is given up, the guest is paused, or runs at the
 * destination before all of it is there.
 */
export function atTimeout({
  onTimeout,
  allowPostcopy,
}: MigrateOptions): 'deadline-passed' | 'force-due' | 'postcopy-due' {
  if (onTimeout === 'force') return 'force-due';
  return allowPostcopy && onTimeout !== 'abort' ? 'postcopy-due' : 'deadline-passed';
}

/** How long the request may be decided about: a checkpoint is read from end to end where post-copy is allowed. */
export const decidingMsMax = ({ allowPostcopy = false }: MigrateOptions): number =>
  allowPostcopy ? 10 * minute : 30 * second;
