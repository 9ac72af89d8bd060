import { randomBytes } from 'node:crypto';
import type { Fault } from '../../../../shared/errors/broker-error.ts';
import { type CheckpointId, newId, type OperationId } from '../../../../shared/ids.ts';
import type { AskContext, Endpoint } from '../../../../shared/messages/endpoint.ts';
import { type ActionOf, type Answer, type Request, requestExchange } from '../../../../shared/messages/request.ts';
import type { CheckpointSummary, OperationView } from '../../../../shared/messages/view.ts';
import type { Clock } from '../../../../shared/time/clock.ts';

type Save = ActionOf<'save'>;

/** A host as the scheduler sees one: real frames on a real endpoint, and a save that takes as long as a test lets it. */
export interface FakeHost {
  /** What it was asked, oldest first. */
  readonly asked: { readonly client: string; readonly request: Request }[];
  readonly checkpoints: Map<string, CheckpointSummary>;
  /** Checkpoints a VM still maps. */
  readonly inUse: Set<string>;
  /** How many times it is asked about a save before that has ended. */
  pollsPerSave: number;
  /** How saves are answered instead of being taken: one each, then as usual. */
  readonly nextSaves: ((save: Save, client: string) => Answer | Promise<Answer>)[];
  /** The same for any other verb. */
  answerInstead: ((request: Request, client: string) => Answer | undefined) | undefined;
  saves(): { readonly client: string; readonly request: Save }[];
}

export const failedWith = (code: Fault['code'], message = `a fault ${code}`): Answer => ({
  is: 'failed',
  fault: { code, message },
});

export function createFakeHost(endpoint: Endpoint, clock: Clock): FakeHost {
  const operations = new Map<string, { view: OperationView; pollsLeft: number; job: string | undefined }>();
  const host: FakeHost = {
    asked: [],
    checkpoints: new Map(),
    inUse: new Set(),
    pollsPerSave: 1,
    nextSaves: [],
    answerInstead: undefined,
    saves: () =>
      host.asked.flatMap(({ client, request }) =>
        request.verb === 'save' ? [{ client, request: request as Save }] : [],
      ),
  };

  function save(request: Save, client: string): Answer {
    for (const { view } of operations.values()) {
      if (view.vm === request.vm && view.outcome === null) return failedWith('VM_BUSY');
    }
    const operation = newId('op', clock.nowMs(), randomBytes(10)) as OperationId;
    const view: OperationView = {
      operation,
      kind: 'save',
      vm: request.vm,
      state: 'saving',
      client: client as OperationView['client'],
      startedAtMs: clock.nowMs(),
      endedAtMs: null,
      progress: { phase: 'saving' },
      decisions: [],
      outcome: null,
    };
    operations.set(operation, { view, pollsLeft: host.pollsPerSave, job: request.job });
    return { is: 'accepted', operation };
  }

  function look(operation: OperationId): Answer {
    const found = operations.get(operation);
    if (found === undefined) return failedWith('OPERATION_UNKNOWN');
    found.pollsLeft -= 1;
    if (found.pollsLeft <= 0 && found.view.outcome === null) {
      const checkpoint = newId('cp', clock.nowMs(), randomBytes(10)) as CheckpointId;
      host.checkpoints.set(checkpoint, summaryOf(checkpoint, found.view, found.job));
      const progress = { phase: 'completed', pauseMs: 2.5 };
      found.view = { ...found.view, endedAtMs: clock.nowMs(), progress, outcome: { is: 'completed', checkpoint } };
    }
    return { is: 'operation', operation: found.view };
  }

  const summaryOf = (checkpoint: CheckpointId, view: OperationView, job: string | undefined): CheckpointSummary => ({
    checkpoint,
    vm: view.vm,
    host: endpoint.self.name as CheckpointSummary['host'],
    takenAtMs: clock.nowMs(),
    takenFor: view.client,
    ...(job === undefined ? {} : { job }),
    label: 'system_u:object_r:vm_state_t' as CheckpointSummary['label'],
    bytes: 4096,
  });

  function remove(checkpoint: string): Answer {
    if (!host.checkpoints.has(checkpoint)) return failedWith('CHECKPOINT_UNKNOWN');
    if (host.inUse.has(checkpoint)) return failedWith('CHECKPOINT_IN_USE', 'web maps it');
    host.checkpoints.delete(checkpoint);
    return { is: 'done' };
  }

  endpoint.serve(requestExchange, async (request: Request, { sender }: AskContext): Promise<Answer> => {
    host.asked.push({ client: `${sender.role} ${sender.name}`, request });
    const instead = host.answerInstead?.(request, sender.name);
    if (instead !== undefined) return instead;
    switch (request.verb) {
      case 'save':
        return host.nextSaves.shift()?.(request, sender.name) ?? save(request, sender.name);
      case 'operation':
        return look(request.operation);
      case 'checkpoint-list':
        return { is: 'checkpoints', checkpoints: [...host.checkpoints.values()] };
      case 'checkpoint-remove':
        return remove(request.checkpoint);
      default:
        return failedWith('USAGE_INVALID');
    }
  });
  return host;
}
