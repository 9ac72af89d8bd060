import type { CheckpointId } from '../../shared/ids.ts';
import type { CheckpointSummary } from '../../shared/messages/view.ts';

/** What keep-last says of one checkpoint, and why. */
export interface Verdict {
  readonly checkpoint: CheckpointSummary;
  readonly keep: boolean;
  readonly reason: string;
}

export interface RetentionRule {
  /** Whose checkpoints these are: those of other jobs and other clients, and those taken by hand, are never touched. */
  readonly job: string;
  readonly client: string;
  readonly vm: string;
  readonly keepLast: number;
  /** The checkpoint of this run. It is the newest, whatever the clocks of the hosts say. */
  readonly justTaken: CheckpointId;
}

/**
 * Keep-last over the finished checkpoints of a VM, as their hosts listed them: one verdict for each checkpoint of the job,
 * newest first. A checkpoint is removed only when `keepLast` newer ones of the same job were seen, so a host that did
 * not answer makes fewer go, never more.
 */
export function retain(rule: RetentionRule, listed: readonly CheckpointSummary[]): Verdict[] {
  const seen = new Map(listed.filter((one) => isOf(rule, one)).map((one) => [one.checkpoint, one]));
  const newestFirst = [...seen.values()].sort(
    (a, b) =>
      Number(b.checkpoint === rule.justTaken) - Number(a.checkpoint === rule.justTaken) ||
      b.takenAtMs - a.takenAtMs ||
      (a.checkpoint < b.checkpoint ? 1 : -1),
  );
  const keepLast = Math.max(1, rule.keepLast);
  return newestFirst.map((checkpoint, index) =>
    index < keepLast
      ? { checkpoint, keep: true, reason: `last ${index + 1}/${keepLast}` }
      : { checkpoint, keep: false, reason: `older than the last ${keepLast}` },
  );
}

const isOf = (rule: RetentionRule, { job, takenFor, vm }: CheckpointSummary): boolean =>
  job === rule.job && takenFor === rule.client && vm === rule.vm;
