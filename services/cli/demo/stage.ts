import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, HostName, ImageName, VmName } from '../../../shared/ids.ts';
import type { Action } from '../../../shared/messages/request.ts';
import type { OperationView, VmView } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { Client } from '../client/client.ts';
import { follow } from '../client/follow.ts';
import type { FleetLayout } from '../fleet/layout.ts';
import { type QemuProcess, qemusUnder } from '../fleet/proc.ts';
import { expect, StepFailed } from './expect.ts';
import type { Stopped } from './steps/stopped.ts';
import type { Story } from './story.ts';

export type ClientWho = 'operator' | 'monitor' | 'intruder';
export type HostWho = 'alpha' | 'beta' | 'gamma';

/** Where the story plays: the fleet, the clients that are connected, and what earlier steps left behind. */
export interface Stage {
  readonly layout: FleetLayout;
  readonly story: Story;
  readonly signal: AbortSignal;
  readonly vm: VmName;
  /** The image of the VM's disk, by its name in the pool. */
  readonly disk: ImageName;
  readonly clients: Readonly<Record<ClientWho, Client>>;
  readonly left: Left;
}

/** What one step leaves for the next. */
export interface Left {
  boot?: string;
  alphaConsole?: string;
  label?: string;
  /** `disk` is the count on the disk as it was saved. */
  checkpoint?: {
    readonly id: CheckpointId;
    readonly countBefore: number;
    readonly countAfter: number;
    readonly disk: number;
  };
  stopped?: Stopped;
}

export const hostOf = (who: HostWho): HostName => who as HostName;

/** How something that was asked for ended, with every decision that is known of it. */
export type Result =
  | { readonly is: 'completed'; readonly view?: OperationView; readonly decision?: Decision }
  | { readonly is: 'refused'; readonly decision: Decision; readonly view?: OperationView }
  | { readonly is: 'failed'; readonly fault: Fault; readonly view?: OperationView };

const operationTimeoutMs = 180_000;

/** Asks a host for something once the VM is free, follows it to its end, and tells the story of it. */
export async function ask(
  stage: Stage,
  who: ClientWho,
  host: HostWho,
  action: Action,
  onView?: (view: OperationView) => void,
): Promise<Result> {
  stage.story.command(who, commandOf(action));
  const result = await resultWhenFree(stage, () => resultOf(stage, stage.clients[who], hostOf(host), action, onView));
  for (const decision of decisionsOf(result)) stage.story.decision(decision);
  if (result.is === 'failed') stage.story.note(`${result.fault.code}: ${result.fault.message}`);
  return result;
}

const busyTimeoutMs = 120_000;

/** A job's checkpoint may be under way on the VM, or begin just before: while the VM is busy it is asked again. */
async function resultWhenFree(stage: Stage, once: () => Promise<Result>): Promise<Result> {
  const deadlineMs = performance.now() + busyTimeoutMs;
  for (;;) {
    const result = await once();
    const isBusy = result.is === 'failed' && result.fault.code === 'VM_BUSY';
    if (!isBusy || performance.now() > deadlineMs) return result;
    await delay(50, undefined, { signal: stage.signal });
  }
}

async function resultOf(
  stage: Stage,
  client: Client,
  host: HostName,
  action: Action,
  onView: ((view: OperationView) => void) | undefined,
): Promise<Result> {
  const answer = await client.ask(host, action);
  if (answer.is === 'refused') return { is: 'refused', decision: answer.decision };
  if (answer.is === 'failed') return { is: 'failed', fault: answer.fault };
  if (answer.is === 'done') {
    return { is: 'completed', ...(answer.decision === undefined ? {} : { decision: answer.decision }) };
  }
  if (answer.is !== 'accepted') throw new StepFailed(`${host} answered with \`${answer.is}\``);
  const followed = await follow(client, host, answer.operation, {
    onView(view) {
      if (view.outcome === null) stage.story.progress(view);
      onView?.(view);
    },
    timeoutMs: operationTimeoutMs,
    signal: stage.signal,
  });
  if (followed.is !== 'ended') throw new StepFailed(`${answer.operation} did not end`);
  const { view } = followed;
  if (view.outcome?.is === 'refused') return { is: 'refused', decision: view.outcome.decision, view };
  if (view.outcome?.is === 'failed') return { is: 'failed', fault: view.outcome.fault, view };
  if (view.outcome?.is === 'completed') return { is: 'completed', view };
  throw new StepFailed(`${answer.operation} was cancelled`);
}

/** Every decision of a result, once. */
function decisionsOf(result: Result): readonly Decision[] {
  if (result.view !== undefined) return result.view.decisions;
  if (result.is === 'failed') return [];
  return result.decision === undefined ? [] : [result.decision];
}

export function completed(result: Result, what: string): OperationView {
  const found = result.is === 'refused' ? 'a refusal' : result.is === 'failed' ? result.fault.code : undefined;
  expect(result.is === 'completed', what, found);
  if (result.view === undefined) throw new StepFailed(`${what}: no operation was followed`);
  return result.view;
}

export function refused(result: Result, what: string): Decision {
  const found = result.is === 'failed' ? `${result.fault.code}: ${result.fault.message}` : result.is;
  expect(result.is === 'refused', what, found);
  return result.decision;
}

/** The statements that would have helped. */
export const missingRules = (decision: Decision): string[] =>
  decision.questions.flatMap((question) =>
    question.allowed || question.missing === undefined ? [] : [question.missing],
  );

/** What a refusal names, question by question: the statement that would help, or the rule that no statement gets past. */
export const namedByRefusal = (decision: Decision): string[] =>
  decision.questions.flatMap((question) =>
    question.allowed ? [] : (question.missing ?? question.blocking?.text ?? []),
  );

/** The VM as a host shows it to the operator. */
export async function showVm(stage: Stage, host: HostWho): Promise<VmView> {
  const answer = await stage.clients.operator.ask(hostOf(host), { verb: 'show', vm: stage.vm });
  if (answer.is !== 'vm') throw new StepFailed(`${host} does not show ${stage.vm}: it answered with \`${answer.is}\``);
  return answer.vm;
}

/** The QEMUs that run on a host of the fleet. */
export const qemusOn = (stage: Stage, host: HostWho): QemuProcess[] => qemusUnder(stage.layout.host(host).folder);

/** Waits until something holds, by looking again and again. Fails with the sentence when it takes too long. */
export async function until(
  stage: Stage,
  holds: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 30_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new StepFailed(`${what}: waited ${timeoutMs} ms in vain`);
    await delay(50, undefined, { signal: stage.signal });
  }
}

/** What would be typed for an action. */
function commandOf(action: Action): string {
  switch (action.verb) {
    case 'define':
      return `carnet vm define ${action.spec.name}.yaml`;
    case 'migrate': {
      const { bandwidthBytesPerSecond = 0 } = action.options;
      const limit = bandwidthBytesPerSecond === 0 ? '' : ` --bandwidth ${bandwidthBytesPerSecond / 1024 ** 2}MiB`;
      return `carnet vm migrate ${action.vm} ${action.destination}${limit}`;
    }
    case 'restore':
      return `carnet vm restore ${action.checkpoint}`;
    case 'checkpoint-remove':
      return `carnet checkpoint rm ${action.checkpoint}`;
    case 'stop':
      return `carnet vm stop ${action.vm}${action.force === true ? ' --force' : ''}`;
    case 'drain':
    case 'undrain':
      return `carnet host ${action.verb}`;
    default:
      return `carnet vm ${action.verb} ${action.vm}`;
  }
}
