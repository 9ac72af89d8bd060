import { BrokerError, type Fault, faultOf } from '../../shared/errors/broker-error.ts';
import type { Answer } from '../../shared/messages/request.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { eventOfFault, eventOfOperation } from './answers.ts';
import type { Fleet } from './ports.ts';
import { prune } from './prune.ts';
import type { JobRecord } from './record.ts';
import { refusalText } from './refusal.ts';
import type { RunEvent, RunState, RunStateAt } from './run.ts';

/** What a state of a run calls for, done: one step at a time, each answered with what came of it. */
export interface Steps {
  /** Nothing where the scheduler was stopped first; then the run stays in its state. */
  take(
    job: JobRecord,
    state: Exclude<RunState, RunStateAt<'ended'>>,
    startedAtMs: number,
  ): Promise<RunEvent | undefined>;
}

export interface StepsDependencies {
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** Resolves after that long, or when the scheduler is stopped: then with false. */
  readonly pause: (delayMs: number) => Promise<boolean>;
}

const poll = { firstMs: 250, delayMsMax: 2_000 } as const;
/** How long a host may be silent about a save, and how long a save may take: longer than any deadline of a broker. */
const silentMsMax = 5 * 60_000;
const followMsMax = 2 * 3_600_000;

export function createSteps({ fleet, clock, pause }: StepsDependencies): Steps {
  async function locate(job: JobRecord): Promise<RunEvent> {
    const record = await fleet.owner(job.vm);
    if (record === undefined) return { event: 'vm-not-running', reason: `no host has started ${job.vm} yet` };
    if (!record.running)
      return { event: 'vm-not-running', reason: `${job.vm} is stopped; ${record.owner} ran it last` };
    return { event: 'vm-located', host: record.owner };
  }

  async function askForSave(job: JobRecord, state: RunStateAt<'asking'>): Promise<RunEvent> {
    const acting = await fleet.actAs(job.client);
    const answer = await acting.ask(state.host, { verb: 'save', vm: job.vm, job: job.name });
    if (answer.is === 'accepted') return { event: 'save-accepted', operation: answer.operation };
    if (answer.is === 'refused') return { event: 'save-refused', decision: answer.decision };
    throw faultIn(answer);
  }

  /** Asks about the save until it has ended. Notices of it go to the client, and may be lost: asking is enough. */
  async function follow(
    job: JobRecord,
    state: RunStateAt<'following'>,
    startedAtMs: number,
  ): Promise<RunEvent | undefined> {
    const acting = await fleet.actAs(job.client);
    let heardAtMs = clock.nowMs();
    for (let delayMs: number = poll.firstMs; ; delayMs = Math.min(delayMs * 2, poll.delayMsMax)) {
      if (!(await pause(delayMs))) return undefined;
      try {
        const answer = await acting.ask(state.host, { verb: 'operation', operation: state.operation });
        heardAtMs = clock.nowMs();
        if (answer.is !== 'operation' || answer.operation.operation !== state.operation) throw faultIn(answer);
        const event = eventOfOperation(state, answer.operation, clock.nowMs());
        if (event !== undefined) return event;
      } catch (error) {
        const { code } = faultOf(error);
        if (!code.startsWith('BUS_') || clock.nowMs() - heardAtMs > silentMsMax) throw unfollowed(state, error);
      }
      if (clock.nowMs() - startedAtMs > followMsMax) {
        throw unfollowed(state, new BrokerError('OPERATION_TIMEOUT', 'it has not ended'));
      }
    }
  }

  /** The checkpoint is taken: whatever happens to keep-last, the run is completed. */
  async function applyRetention(job: JobRecord, state: RunStateAt<'pruning'>): Promise<RunEvent> {
    try {
      return { event: 'pruned', ...(await prune(job, state.checkpoint, await fleet.actAs(job.client))) };
    } catch (error) {
      const kept = [{ host: state.host, why: `keep-last was not applied: ${faultOf(error).message}`.slice(0, 900) }];
      return { event: 'pruned', removed: [], kept, holders: job.heldBy };
    }
  }

  return {
    async take(job, state, startedAtMs) {
      try {
        switch (state.state) {
          case 'locating':
            return await locate(job);
          case 'asking':
            return await askForSave(job, state);
          case 'waiting':
            return (await pause(Math.max(0, state.retryAtMs - clock.nowMs()))) ? { event: 'retry-due' } : undefined;
          case 'following':
            return await follow(job, state, startedAtMs);
          case 'pruning':
            return await applyRetention(job, state);
        }
      } catch (error) {
        return eventOfFault(state, faultOf(error), clock.nowMs());
      }
    },
  };
}

/** The fault in an answer that should have been another one. */
function faultIn(answer: Answer): BrokerError {
  if (answer.is === 'failed') return thrown(answer.fault);
  if (answer.is === 'refused') return new BrokerError('OPERATION_UNKNOWN', refusalText(answer.decision));
  return new BrokerError('MESSAGE_MALFORMED', `the host answered with ${answer.is}`);
}
const thrown = ({ code, message, hint }: Fault) => new BrokerError(code, message, hint === undefined ? {} : { hint });

/** The save was begun and its end is unknown: whatever is thrown, it is not asked for again. */
const unfollowed = ({ operation, host }: RunStateAt<'following'>, cause: unknown): BrokerError =>
  new BrokerError('OPERATION_UNKNOWN', `how ${operation} on ${host} ended is unknown: ${faultOf(cause).message}`, {
    cause,
    hint: `carnet operation show ${operation} says it, once the host answers again`,
  });
