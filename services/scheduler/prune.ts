import { type Fault, faultOf } from '../../shared/errors/broker-error.ts';
import type { CheckpointId, HostName } from '../../shared/ids.ts';
import type { KeptCheckpoint } from '../../shared/messages/job.ts';
import type { Answer, Request } from '../../shared/messages/request.ts';
import type { CheckpointSummary } from '../../shared/messages/view.ts';
import type { Acting } from './ports.ts';
import type { JobRecord } from './record.ts';
import { refusalText } from './refusal.ts';
import { retain } from './retention.ts';

/** What keep-last did after a run, and which hosts hold checkpoints of the job now, as far as they said. */
export interface Pruned {
  readonly removed: CheckpointId[];
  readonly kept: KeptCheckpoint[];
  readonly holders: HostName[];
}

/**
 * Applies keep-last: asks every host that may hold checkpoints of the job for its list, and asks for the removal of those
 * that are too many, oldest first. What is in use, or may not be removed, stays and is told with its reason. Never rejects.
 */
export async function prune(job: JobRecord, justTaken: CheckpointId, acting: Acting): Promise<Pruned> {
  const removed: CheckpointId[] = [];
  const kept: KeptCheckpoint[] = [];
  const lists = await Promise.all(
    job.heldBy.map(async (host) => {
      const answer = await asked(acting, host, { verb: 'checkpoint-list', vm: job.vm });
      if (answer.is === 'checkpoints')
        return { host, checkpoints: answer.checkpoints.filter((one) => one.host === host) };
      kept.push({ host, why: `its checkpoints could not be seen: ${reasonOf(answer)}` });
      return { host, checkpoints: undefined };
    }),
  );
  const listed = lists.flatMap(({ checkpoints }) => checkpoints ?? []);
  const rule = { job: job.name, client: job.client, vm: job.vm, keepLast: job.keepLast, justTaken };
  const verdicts = retain(rule, listed);
  const staying = new Set(verdicts.map(({ checkpoint }) => checkpoint));

  for (const { checkpoint, keep } of verdicts.reverse()) {
    if (keep) continue;
    const why = await remove(checkpoint, acting);
    if (why === undefined) {
      removed.push(checkpoint.checkpoint);
      staying.delete(checkpoint);
    } else {
      kept.push({ host: checkpoint.host, checkpoint: checkpoint.checkpoint, why });
    }
  }
  const holders = lists
    .filter(({ host, checkpoints }) => checkpoints === undefined || [...staying].some((one) => one.host === host))
    .map(({ host }) => host);
  return { removed, kept, holders };
}

/** Why a checkpoint is still there; nothing once it is gone. */
async function remove({ checkpoint, host }: CheckpointSummary, acting: Acting): Promise<string | undefined> {
  const answer = await asked(acting, host, { verb: 'checkpoint-remove', checkpoint });
  if (answer.is === 'done') return undefined;
  if (answer.is === 'failed' && answer.fault.code === 'CHECKPOINT_UNKNOWN') return undefined;
  if (answer.is === 'failed' && answer.fault.code === 'CHECKPOINT_IN_USE') return `in use: ${answer.fault.message}`;
  return reasonOf(answer);
}

async function asked(acting: Acting, host: HostName, request: Request): Promise<Answer> {
  try {
    return await acting.ask(host, request);
  } catch (error) {
    return { is: 'failed', fault: faultOf(error) };
  }
}

function reasonOf(answer: Answer): string {
  const text =
    answer.is === 'refused'
      ? refusalText(answer.decision)
      : answer.is === 'failed'
        ? faultText(answer.fault)
        : `the host answered with ${answer.is}`;
  return text.slice(0, 900);
}

const faultText = ({ code, message }: Fault): string => `${message} [${code}]`;
