import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventOfFault, eventOfOperation, retry } from '../../../services/scheduler/answers.ts';
import { briefRefusal } from '../../../services/scheduler/refusal.ts';
import { type RunEvent, type RunState, stepRun } from '../../../services/scheduler/run.ts';
import type { FaultCode } from '../../../shared/errors/codes.ts';
import type { CheckpointId, HostName, OperationId } from '../../../shared/ids.ts';
import type { OperationView, Outcome } from '../../../shared/messages/view.ts';
import { aDecision } from './support/decision.ts';

const alpha = 'alpha' as HostName;
const operation = `op-${'0'.repeat(26)}` as OperationId;
const checkpoint = `cp-${'0'.repeat(26)}` as CheckpointId;
const fault = (code: FaultCode) => ({ code, message: `a fault ${code}` });

const locating: RunState = { state: 'locating', attempt: 1 };
const asking: RunState = { state: 'asking', attempt: 1, host: alpha };
const following: RunState = { state: 'following', attempt: 1, host: alpha, operation };
const pruning: RunState = { state: 'pruning', host: alpha, operation, checkpoint, pauseMs: 3 };

const through = (from: RunState, ...events: RunEvent[]): RunState | undefined =>
  events.reduce<RunState | undefined>(
    (state, event) => (state === undefined ? undefined : stepRun(state, event)),
    from,
  );
const outcomeOf = (state: RunState | undefined) => (state?.state === 'ended' ? state.outcome : undefined);

describe('a run', () => {
  test('that goes well is located, asked for, followed, pruned and ended', () => {
    assert.deepEqual(
      through(
        locating,
        { event: 'vm-located', host: alpha },
        { event: 'save-accepted', operation },
        { event: 'save-completed', checkpoint, pauseMs: 3 },
        { event: 'pruned', removed: [checkpoint], kept: [], holders: [alpha] },
      ),
      {
        state: 'ended',
        host: alpha,
        operation,
        outcome: { is: 'completed', checkpoint, pauseMs: 3 },
        removed: [checkpoint],
        kept: [],
      },
    );
  });

  test('that is turned away waits and locates the VM anew', () => {
    const state = through(asking, { event: 'turned-away', retryAtMs: 7 });
    assert.deepEqual(state, { state: 'waiting', attempt: 1, host: alpha, retryAtMs: 7 });
    assert.deepEqual(through(state!, { event: 'retry-due' }), { state: 'locating', attempt: 2 });
  });

  test('is refused with the decision, skipped with the reason, failed with the fault', () => {
    const decision = aDecision('refused');
    const refused = { is: 'refused', decision: briefRefusal(decision) };
    assert.deepEqual(outcomeOf(through(asking, { event: 'save-refused', decision })), refused);
    assert.deepEqual(outcomeOf(through(following, { event: 'save-refused', decision })), refused);
    assert.deepEqual(outcomeOf(through(locating, { event: 'vm-not-running', reason: 'stopped' })), {
      is: 'skipped',
      reason: 'stopped',
    });
    assert.deepEqual(outcomeOf(through(following, { event: 'failed', fault: fault('INTERNAL') })), {
      is: 'failed',
      fault: fault('INTERNAL'),
    });
  });

  test('that was asking when its runner was lost has failed, and is never asked a second time', () => {
    const outcome = outcomeOf(through(asking, { event: 'runner-lost' }));
    assert.equal(outcome?.is, 'failed');
    assert.equal(outcome?.is === 'failed' && outcome.fault.code, 'OPERATION_UNKNOWN');
  });

  test('goes on where it was when its runner was lost and the host can still be asked', () => {
    for (const state of [locating, following, pruning])
      assert.deepEqual(through(state, { event: 'runner-lost' }), state);
  });

  test('has no row for what does not happen in a state', () => {
    assert.equal(stepRun(locating, { event: 'pruned', removed: [], kept: [], holders: [] }), undefined);
    assert.equal(stepRun(pruning, { event: 'save-accepted', operation }), undefined);
    assert.equal(
      stepRun(through(following, { event: 'failed', fault: fault('INTERNAL') })!, { event: 'retry-due' }),
      undefined,
    );
  });
});

describe('a fault of a run', () => {
  test('is waited out with growing delays, a bounded number of times', () => {
    const delays: number[] = [];
    let attempt = 1;
    for (; attempt <= retry.attemptsMax; attempt++) {
      const event = eventOfFault({ ...asking, attempt }, fault('VM_BUSY'), 1_000_000);
      if (event.event !== 'turned-away') break;
      delays.push(event.retryAtMs - 1_000_000);
    }
    assert.equal(attempt, retry.attemptsMax);
    assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000, 15_000]);
    assert.deepEqual(eventOfFault({ ...asking, attempt }, fault('VM_BUSY'), 0), {
      event: 'failed',
      fault: fault('VM_BUSY'),
    });
  });

  test('is retried where the VM is busy, or is another host`s by now', () => {
    for (const code of ['VM_BUSY', 'VM_ELSEWHERE', 'VM_UNKNOWN', 'OWNER_IN_DOUBT', 'BUS_NO_RESPONDER'] as const) {
      assert.equal(eventOfFault(asking, fault(code), 0).event, 'turned-away', code);
      assert.equal(eventOfFault(following, fault(code), 0).event, 'turned-away', code);
    }
  });

  test('is not retried where the save may have been begun', () => {
    for (const code of ['BUS_TIMEOUT', 'BUS_UNREACHABLE', 'QEMU_FAILED', 'INTERNAL', 'MESSAGE_FORGED'] as const) {
      assert.equal(eventOfFault(asking, fault(code), 0).event, 'failed', code);
    }
    assert.equal(eventOfFault(locating, fault('BUS_TIMEOUT'), 0).event, 'turned-away');
  });

  test('that says the VM does not run is a skip', () => {
    assert.deepEqual(eventOfFault(asking, { code: 'VM_STATE', message: 'web is stopped' }, 0), {
      event: 'vm-not-running',
      reason: 'web is stopped',
    });
  });
});

describe('what a host says of a save', () => {
  const view = (outcome: Outcome | null): OperationView => ({
    operation,
    kind: 'save',
    vm: 'web' as OperationView['vm'],
    state: 'saving',
    client: 'operator' as OperationView['client'],
    startedAtMs: 1,
    endedAtMs: null,
    progress: { phase: 'saving', pauseMs: 2.5 },
    decisions: [],
    outcome,
  });

  test('is nothing while it is under way', () => {
    assert.equal(eventOfOperation(following, view(null), 0), undefined);
  });

  test('is its checkpoint with the pause, its decision, its fault', () => {
    assert.deepEqual(eventOfOperation(following, view({ is: 'completed', checkpoint }), 0), {
      event: 'save-completed',
      checkpoint,
      pauseMs: 2.5,
    });
    const decision = aDecision('refused');
    assert.deepEqual(eventOfOperation(following, view({ is: 'refused', decision }), 0), {
      event: 'save-refused',
      decision,
    });
    assert.equal(eventOfOperation(following, view({ is: 'failed', fault: fault('VM_BUSY') }), 0)?.event, 'turned-away');
    assert.equal(eventOfOperation(following, view({ is: 'failed', fault: fault('QEMU_FAILED') }), 0)?.event, 'failed');
  });

  test('is a failure where it was cancelled, or completed without a checkpoint', () => {
    assert.equal(eventOfOperation(following, view({ is: 'cancelled' }), 0)?.event, 'failed');
    assert.equal(eventOfOperation(following, view({ is: 'completed' }), 0)?.event, 'failed');
  });
});
