import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId } from '../../../shared/ids.ts';
import type { Answer } from '../../../shared/messages/request.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import type { World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';
import { needView, refusalToInterfere } from './who-may.ts';

/**
 * Cancels an operation: it gives up as it does when something fails, and the VM is as safe. Whoever began it may, and
 * whoever may stop its VM. Cancelling again is cancelling once. OPERATION_COMMITTED where it can only go forward, or has
 * ended otherwise: then nothing was changed. The answer comes when the cancelling is on disk, not when it is done.
 */
export async function cancelOperation(
  world: World,
  runner: Runner,
  operation: OperationId,
  client: ClientName,
): Promise<Answer> {
  const decision = await refusalToInterfere(world, runner, operation, client);
  if (decision !== undefined) return { is: 'refused', decision };
  if (await runner.deliver(operation, { event: 'cancel-asked' })) return { is: 'done' };
  const view = needView(world, runner, operation);
  if (isCancelled(runner, view)) return { is: 'done' };
  throw new BrokerError(
    'OPERATION_COMMITTED',
    view.outcome === null
      ? `${operation} is ${view.state}: it can only go forward now`
      : `${operation} has ended: ${view.outcome.is}`,
    { hint: 'carnet operation show --follow tells how it goes on' },
  );
}

/** Cancelled before, and done with it or still about it. */
function isCancelled(runner: Runner, view: OperationView): boolean {
  const state = runner.stateOf(view.operation);
  return state !== undefined && 'outcome' in state && (state.outcome as { is?: unknown }).is === 'cancelled';
}
