import type { OperationView } from '../../../shared/messages/view.ts';
import { follow } from '../client/follow.ts';
import type { Ending } from '../render/fault.ts';
import { renderOperation, renderOutcome } from '../render/operation.ts';
import { progressDisplay } from '../render/progress.ts';
import type { Session } from '../session.ts';
import { unexpected } from './answered.ts';
import { durationArgument } from './arguments.ts';
import { explain } from './explained.ts';
import type { Intent } from './verbs.ts';

/** Options of everything that may take a while. */
export interface WaitOptions {
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly dryRun?: boolean;
}

/**
 * Asks for an action and, unless told otherwise, follows the operation to its end. Without a terminal it waits too: a
 * script that does not want to says --no-wait.
 */
export async function perform(session: Session, intent: Intent, options: WaitOptions): Promise<Ending | undefined> {
  if (options.dryRun === true) return explain(session, intent);
  const timeoutMs = options.timeout === undefined ? undefined : durationArgument(options.timeout);
  const client = await session.connect();
  const host = await intent.host(client);
  const answer = await client.ask(host, intent.action);
  switch (answer.is) {
    case 'accepted':
      if (options.wait === false) return printOperationId(session, answer.operation);
      return followToEnd(session, host, answer.operation, timeoutMs);
    case 'done':
      session.note(`${session.noteStyle.good('✓')} ${intent.action.verb} on ${host}\n`);
      return undefined;
    case 'refused':
      return { is: 'refused', decision: answer.decision };
    case 'failed':
      return { is: 'fault', fault: answer.fault };
    default:
      return unexpected(host, answer.is);
  }
}

async function printOperationId(session: Session, operation: string): Promise<undefined> {
  await session.show({ key: 'operation', value: { operation }, name: operation, table: () => `${operation}\n` });
  return undefined;
}

type Client = Awaited<ReturnType<Session['connect']>>;
type Operation = OperationView['operation'];

/** Shows the progress of an operation until it ends, and prints how it ended. Ctrl-C leaves it running. */
export async function followToEnd(
  session: Session,
  host: Parameters<Client['ask']>[0],
  operation: Operation,
  timeoutMs: number | undefined,
): Promise<Ending | undefined> {
  const client = await session.connect();
  const abort = new AbortController();
  const stopListening = session.io.onInterrupt(() => abort.abort());
  const display = progressDisplay(session.io.stderr, session.noteStyle, session.io.nowMs);
  try {
    const followed = await follow(client, host, operation, {
      onView(view) {
        if (session.options.quiet !== true && view.outcome === null) display.show(view);
      },
      timeoutMs,
      signal: abort.signal,
    });
    display.clear();
    if (followed.is === 'detached') return { is: 'detached', operation };
    if (followed.is === 'timeout') {
      const message = `${operation} did not end in time and goes on`;
      return { is: 'fault', fault: { code: 'OPERATION_TIMEOUT', message }, operation };
    }
    return await printEnd(session, followed.view);
  } finally {
    display.clear();
    stopListening();
  }
}

async function printEnd(session: Session, view: OperationView): Promise<Ending | undefined> {
  const { outcome, operation } = view;
  if (outcome?.is === 'refused') return { is: 'refused', decision: outcome.decision, operation };
  if (outcome?.is === 'failed') return { is: 'fault', fault: outcome.fault, operation };
  if (outcome?.is === 'cancelled') {
    return { is: 'fault', fault: { code: 'OPERATION_CANCELLED', message: `${operation} was cancelled` }, operation };
  }
  await session.show({
    key: 'operation',
    value: view,
    name: outcome?.checkpoint ?? operation,
    table: (style) => (session.options.quiet === true ? '' : renderOutcome(view, style)),
  });
  return undefined;
}

/** An operation in full, as `operation show` prints it. */
export const showOperation = (session: Session, view: OperationView): Promise<void> =>
  session.show({
    key: 'operation',
    value: view,
    name: view.operation,
    table: (style) => renderOperation(view, style),
  });
