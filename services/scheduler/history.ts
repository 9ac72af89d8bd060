import { encode } from '../../shared/codec/codec.ts';
import { limits } from '../../shared/limits.ts';
import { type RunView, runView } from '../../shared/messages/job.ts';
import { fields, list, type Shape } from '../../shared/schema/schema.ts';

/** The value of a key in the runs bucket: the last runs of a job, newest first. */
export const runsRecord = fields({ runs: list(runView, limits.runsPerJob) });
export type RunsRecord = Shape<typeof runsRecord>;

/** What a history may weigh: it must fit in one frame, with room for what is around it. */
export const historyBytesMax = limits.frameBytes / 2;

/**
 * Adds a run to a history. A run that is in it already replaces itself, so that storing one twice does nothing. The oldest
 * runs go beyond `limits.runsPerJob`, or beyond `historyBytesMax`.
 */
export function addRun(history: RunsRecord, run: RunView): RunsRecord {
  const others = history.runs.filter((one) => one.run !== run.run);
  const runs = [run, ...others].sort((a, b) => b.run - a.run).slice(0, limits.runsPerJob);
  return { runs: fitting(runs, historyBytesMax) };
}

/** The newest runs that weigh no more than `bytesMax` together, and the newest in any case. */
export function fitting(runs: readonly RunView[], bytesMax: number): RunView[] {
  const taken: RunView[] = [];
  let bytes = 0;
  for (const run of runs) {
    bytes += encode(run).length;
    if (taken.length > 0 && bytes > bytesMax) break;
    taken.push(run);
  }
  return taken;
}
