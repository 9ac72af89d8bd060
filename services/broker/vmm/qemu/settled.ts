import type { Shape } from '../../../../shared/schema/schema.ts';
import { type Controls, migrationOf } from './controls.ts';
import { readReply, statusReply } from './replies.ts';

export type RunState = Shape<typeof statusReply>['status'];

const ended: readonly string[] = ['none', 'completed', 'failed', 'cancelled'];
/** Whether a migration is over that QEMU says this of; `none` is before the first. */
export const migrationEnded = (status: string): boolean => ended.includes(status);

/** How often, and for how long, a run state is looked at again that is about to change. */
const lookMs = 10;
const looksMax = 500;

/**
 * QEMU's run state. It says of a migration that it is over a moment before it acts on that: until then it is in
 * `finish-migrate` and takes no `cont`. That moment is waited for, as a guest that was handed over, and one that goes on by
 * itself, would be taken for one that is still being sent. `finish-migrate` still, where QEMU does not come out of it.
 */
export async function settledRunState(controls: Controls): Promise<RunState> {
  for (let looks = 0; ; looks++) {
    const status = readReply(statusReply, await controls.execute('query-status'), 'status').status;
    if (status !== 'finish-migrate' || looks === looksMax) return status;
    if (!migrationEnded((await migrationOf(controls)).status)) return status;
    await new Promise<void>((resolve) => controls.host.clock.after(lookMs, resolve));
  }
}
